// Listening sockets that go from one process to another, as with systemd (sd_listen_fds(3)): the variables
// LISTEN_PID and LISTEN_FDS say that descriptors from 3 on are such.
//
// A process of ours that passes its own on to its successor cannot know LISTEN_PID beforehand: it names
// itself in LISTEN_PPID, and LISTEN_FDNAMES says what each descriptor is.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/environment.h"
#include "config/load.h"
#include "proxy/net/child_process.h"
#include "proxy/net/listener.h"
#include "proxy/net/listening_socket.h"

namespace slotless::server {

struct PassedOn {
  std::vector<net::ListeningSocket> sockets;
  int predecessor = -1;  // the channel to the process whose place this one is to take; -1: there is none
  std::string error;     // a descriptor that cannot be listened on
};

// How this process was started, and its successor will be.
struct Invocation {
  std::vector<std::string> arguments;  // with the program's name
  config::Environment environment;
};

// Once per process: it takes the descriptors over. Without the variables, or if they are for another process:
// none.
PassedOn takePassedOn(const config::Environment& environment);

// What a successor is started with, for takePassedOn() there.
net::ChildProcess::Program passOn(const Invocation& invocation,
                                  const std::vector<std::unique_ptr<net::Listener>>& listeners, int channel);

// Where the sockets listen, which is where the daemon does then, whatever `listen` says.
std::vector<config::Endpoint> endpointsOf(const std::vector<net::ListeningSocket>& sockets);

// A configuration for these listeners, in this order; those that `listen` names too keep their options.
// Errors if it would let strangers in there. No listeners: as loaded.
config::LoadResult withListeners(config::LoadResult loaded, const std::vector<config::Endpoint>& listeners);

}  // namespace slotless::server
