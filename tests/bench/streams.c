/*
 * The far end of `streams.ts` on Linux, and the limit that it is measured against.
 *
 *     streams sink            a voice server's UDP port, and nothing of it but the port
 *     streams send PORT MS    sends packets to that port as fast as it goes
 *
 * The sink answers IP discovery and keepalives, counts RTP and drops it. Its first line
 * says {"port":N}. A line "start" begins a window, "stop" ends it and prints what came: how many
 * packets of how many senders, and how much later they came than their RTP timestamps say, measured
 * from the earliest packet of each sender. The times are those at which the kernel got the packets.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, SIZE = 512, CONTROL = 128, PACKET_SIZE = 192, SAMPLES = 1 << 22 };

typedef struct {
  int known;
  uint32_t timestamp;
  double at, least;
} Sender;

static Sender senders[65536];
static struct { uint16_t port; float late; } samples[SAMPLES];
static long packets, bytes, sampled, dropped;
static int counting;
static double started;

static double seconds(struct timespec t) { return t.tv_sec + t.tv_nsec / 1e9; }

static double clock_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return seconds(t);
}

static void count(uint16_t port, const uint8_t *data, int size, double at) {
  packets++;
  bytes += size;
  uint32_t timestamp = (uint32_t)data[4] << 24 | data[5] << 16 | data[6] << 8 | data[7];
  Sender *sender = &senders[port];
  if (!sender->known) *sender = (Sender){1, timestamp, at, 0};
  double due = (int32_t)(timestamp - sender->timestamp) / 48e3;
  double late = at - sender->at - due;
  if (late < sender->least) sender->least = late;
  if (sampled == SAMPLES) return;
  samples[sampled].port = port;
  samples[sampled++].late = late;
}

/* A response has the form of the request, of which it only knows the present one. */
static void answer(int fd, struct sockaddr_in *to, uint8_t *data, int size) {
  if (size == 74 && data[1] == 1) {
    data[1] = 2;
    memset(data + 8, 0, 66);
    inet_ntop(AF_INET, &to->sin_addr, (char *)data + 8, 64);
    memcpy(data + 72, &to->sin_port, 2);
  } else if (size == 8 && memcmp(data, "\x13\x37\xca\xfe", 4) == 0) {
    memcpy(data, "\x13\x37\xf0\x0d", 4);
  } else {
    return;
  }
  sendto(fd, data, size, 0, (struct sockaddr *)to, sizeof *to);
}

static int ascending(const void *a, const void *b) {
  float difference = *(const float *)a - *(const float *)b;
  return (difference > 0) - (difference < 0);
}

static void report(double passed) {
  static float late[SAMPLES];
  long known = 0;
  for (long i = 0; i < sampled; i++) late[i] = samples[i].late - senders[samples[i].port].least;
  qsort(late, sampled, sizeof *late, ascending);
  for (int i = 0; i < 65536; i++) known += senders[i].known;
  double p50 = sampled ? late[sampled / 2] * 1e3 : 0;
  double p99 = sampled ? late[sampled * 99 / 100] * 1e3 : 0;
  printf("{\"packets\":%ld,\"bytes\":%ld,\"senders\":%ld,\"seconds\":%.6f,"
         "\"p50\":%.3f,\"p99\":%.3f,\"dropped\":%ld}\n",
         packets, bytes, known, passed, p50, p99, dropped);
  fflush(stdout);
}

/* Returns 0 at the end of the input. */
static int command(void) {
  char line[64];
  ssize_t size = read(0, line, sizeof line);
  if (size <= 0) return 0;
  if (memmem(line, size, "start", 5) != NULL) {
    memset(senders, 0, sizeof senders);
    packets = bytes = sampled = dropped = 0;
    started = clock_of(CLOCK_MONOTONIC);
    counting = 1;
  } else {
    counting = 0;
    report(clock_of(CLOCK_MONOTONIC) - started);
  }
  return 1;
}

static void read_control(struct msghdr *header, double *at) {
  static uint32_t overflows;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_TIMESTAMPNS) *at = seconds(*(struct timespec *)CMSG_DATA(c));
    if (c->cmsg_type == SO_RXQ_OVFL) {
      uint32_t total = *(uint32_t *)CMSG_DATA(c);
      dropped += (uint32_t)(total - overflows);
      overflows = total;
    }
  }
}

static void receive(int fd) {
  static uint8_t data[BATCH][SIZE];
  static char control[BATCH][CONTROL] __attribute__((aligned(8)));
  static struct sockaddr_in from[BATCH];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){data[i], SIZE};
    messages[i].msg_hdr = (struct msghdr){
        &from[i], sizeof from[i], &parts[i], 1, control[i], CONTROL, 0};
  }
  int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < got; i++) {
    int size = messages[i].msg_len;
    double at = 0;
    read_control(&messages[i].msg_hdr, &at);
    if (size > 12 && data[i][0] >> 6 == 2) {
      int is_rtcp = data[i][1] >= 200 && data[i][1] <= 204;
      if (counting && !is_rtcp) count(ntohs(from[i].sin_port), data[i], size, at);
    } else {
      answer(fd, &from[i], data[i], size);
    }
  }
}

static int sink(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 1 << 23;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) != 0) return 1;
  getsockname(fd, (struct sockaddr *)&address, &length);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  }
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  struct pollfd polled[] = {{fd, POLLIN, 0}, {0, POLLIN, 0}};
  for (;;) {
    poll(polled, 2, -1);
    if (polled[0].revents != 0) receive(fd);
    if (polled[1].revents != 0 && !command()) return 0;
  }
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int send_all(int port, int ms) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  uint8_t packet[PACKET_SIZE] = {0x80, 0x78};
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  long sent = 0;
  double before = cpu(), end = clock_of(CLOCK_MONOTONIC) + ms / 1e3;
  while (clock_of(CLOCK_MONOTONIC) < end) {
    for (int i = 0; i < 64; i++) sent += send(fd, packet, PACKET_SIZE, 0) == PACKET_SIZE;
  }
  printf("{\"packets\":%ld,\"cpu\":%.6f}\n", sent, cpu() - before);
  return 0;
}

int main(int count, char **args) {
  if (count == 2 && strcmp(args[1], "sink") == 0) return sink();
  if (count == 4 && strcmp(args[1], "send") == 0) return send_all(atoi(args[2]), atoi(args[3]));
  return 2;
}
