// Listening sockets that whoever started the process has opened for it, as systemd does (sd_listen_fds(3)):
// the variables LISTEN_PID and LISTEN_FDS say that descriptors from 3 on are such.
#pragma once
#include <string>
#include <vector>

#include "config/environment.h"
#include "config/load.h"
#include "proxy/net/listening_socket.h"

namespace slotless::server {

struct PassedOn {
  std::vector<net::ListeningSocket> sockets;
  std::string error;  // a descriptor that cannot be listened on
};

// Once per process: it takes the descriptors over. Without the variables, or if they are for another process:
// none.
PassedOn takePassedOn(const config::Environment& environment);

// Where the sockets listen, which is where the daemon does then, whatever `listen` says.
std::vector<config::Endpoint> endpointsOf(const std::vector<net::ListeningSocket>& sockets);

// A configuration for these listeners, in this order; those that `listen` names too keep their options.
// Errors if it would let strangers in there. No listeners: as loaded.
config::LoadResult withListeners(config::LoadResult loaded, const std::vector<config::Endpoint>& listeners);

}  // namespace slotless::server
