// What proxies do for each other's clients: PROXY … ALL, one row for each word.
//
// The same is done for the client of this proxy and for those of others, so that all proxies answer alike.
// Each end checks what it gets by itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/pubsub/peer_order.h"

namespace slotless::session {

class Client;
struct Services;

// Empty: it can be carried out. Otherwise the line of the error, without '-' and CRLF.
std::string whyNoOrder(const Services& services, const pubsub::PeerOrder& order);

// On a worker's thread, over all of them. `asking`: the client that wants it, if it is one of this proxy; 0:
// it is another proxy's. `room`: so many bytes the lines may have. `done` is called once, on this thread, in
// this turn or a later one.
void carryOut(Services& services, const pubsub::PeerOrder& order, std::uint64_t asking, std::size_t room,
              const pubsub::PeerAnswered& done);

// PROXY CLIENTS has one for each.
std::string consoleClientLine(const Services& services, std::size_t worker, const Client& client);

}  // namespace slotless::session
