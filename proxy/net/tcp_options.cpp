#include "proxy/net/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace slotless::net {

namespace {

void setOption(int descriptor, int level, int option, int value) noexcept {
  setsockopt(descriptor, level, option, &value, sizeof(value));
}

}  // namespace

// No TCP_USER_TIMEOUT: it ends connections whose peer acknowledges everything but leaves its window closed as
// well, as a node does that is busy with a long script. What has been sent to a node that is really gone is
// given up when the cluster says so.
void tuneTcp(int descriptor, int keepaliveSeconds) noexcept {
  setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, keepaliveSeconds > 0 ? 1 : 0);
  if (keepaliveSeconds <= 0) return;
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, keepaliveSeconds);
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, keepaliveSeconds / 3));
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace slotless::net
