/* What one core can do: seals or opens packets of 12 + 160 bytes and prints the nanoseconds of
 * CPU time that one takes. The context of OpenSSL is made once; only the nonce changes.
 *
 *     limit seal|open COUNT
 *
 * Built with -DOPENSSL for AES-256-GCM, else for XChaCha20-Poly1305 of libsodium. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AAD = 12, PLAIN = 160, TAG = 16 };

static unsigned char key[32], nonce[24], packet[AAD + PLAIN + TAG], plain[PLAIN];

#ifdef OPENSSL
#include <openssl/evp.h>

static EVP_CIPHER_CTX *sealing, *opening;

static void setup(void) {
  sealing = EVP_CIPHER_CTX_new();
  opening = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(sealing, EVP_aes_256_gcm(), NULL, key, nonce);
  EVP_DecryptInit_ex(opening, EVP_aes_256_gcm(), NULL, key, nonce);
}

static int seal(void) {
  int size;
  unsigned char *text = packet + AAD;
  return EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, nonce) &&
         EVP_EncryptUpdate(sealing, NULL, &size, packet, AAD) &&
         EVP_EncryptUpdate(sealing, text, &size, text, PLAIN) &&
         EVP_EncryptFinal_ex(sealing, text + size, &size) &&
         EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_GCM_GET_TAG, TAG, text + PLAIN);
}

static int open(void) {
  int size;
  unsigned char *text = packet + AAD;
  return EVP_DecryptInit_ex(opening, NULL, NULL, NULL, nonce) &&
         EVP_DecryptUpdate(opening, NULL, &size, packet, AAD) &&
         EVP_DecryptUpdate(opening, plain, &size, text, PLAIN) &&
         EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_GCM_SET_TAG, TAG, text + PLAIN) &&
         EVP_DecryptFinal_ex(opening, plain + size, &size);
}
#else
#include <sodium.h>

static void setup(void) {
  if (sodium_init() < 0) exit(1);
}

static int seal(void) {
  unsigned long long size;
  unsigned char *text = packet + AAD;
  return crypto_aead_xchacha20poly1305_ietf_encrypt(text, &size, text, PLAIN, packet, AAD, NULL,
                                                    nonce, key) == 0;
}

static int open(void) {
  unsigned long long size;
  return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &size, NULL, packet + AAD, PLAIN + TAG,
                                                    packet, AAD, nonce, key) == 0;
}
#endif

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e9 * time.tv_sec + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int sealing_wanted = strcmp(argv[1], "seal") == 0;
  int count = atoi(argv[2]);
  setup();
  if (!seal()) return 1;
  /* The first quarter warms up and does not count. */
  double start = 0;
  for (int i = -count / 4; i < count; i++) {
    if (i == 0) start = now();
    if (sealing_wanted) {
      for (int j = 3; j >= 0 && ++nonce[j] == 0; j--);
      if (!seal()) return 1;
    } else if (!open()) return 1;
  }
  printf("%.1f\n", (now() - start) / count);
  return 0;
}
