// The plan of a command by its keys: the router's, or, where one server has all keys, none to speak of.
#pragma once
#include "config/upstream.h"
#include "proxy/routing/one_server.h"
#include "proxy/session/services.h"

namespace slotless::session {

inline void planByKeys(Services& services, const protocol::CommandSpec& spec, protocol::Argv argv,
                       routing::Plan& plan) {
  if (config::servesOneServer(services.config) && routing::planForOneServer(spec, plan)) return;
  services.router.plan(spec, argv, plan);
}

}  // namespace slotless::session
