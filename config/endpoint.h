// Texts <-> addresses with ports: `host:port`, `[v6]:port`, and for listeners `:port`, `*:port` and
// `unix:/path`.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

// A node must name a host and a port other than 0.
Parsed<Endpoint> parseNode(std::string_view text);

// A listener may leave out the host (every local address); with port 0 the system chooses one.
Parsed<Endpoint> parseListener(std::string_view text);
// The same, or a Unix socket.
Parsed<Endpoint> parseClientAddress(std::string_view text);

// Every local address is written as `*`.
std::string formatEndpoint(const Endpoint& endpoint);

// Whether only this machine can reach it: Unix sockets are not on any network. Of names only `localhost` is
// taken to be so: where others lead is not known before they are resolved.
bool isLoopback(const Endpoint& endpoint);

// The first of a configuration's listeners that is a TCP address, or a Unix socket; nullptr: there is none.
const Endpoint* firstTcpListener(const Config& config);
const Endpoint* firstUnixListener(const Config& config);

// Whether the text looks like a URL or user@host, which may hold a password and must not be shown.
bool mayHoldCredentials(std::string_view text);

}  // namespace slotless::config
