// What the status page asks of one worker, and has it do. All run on the worker's thread; answers are plain
// values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/observe/client_facts.h"
#include "proxy/observe/slow_log.h"

namespace slotless::session {

struct Services;

struct ClientSearch {
  std::string match;      // part of the name, the address, the user or the id; empty: all
  std::size_t most = 0;   // so many are told …
  std::size_t looks = 0;  // … of so many that are looked at
};
struct FoundClients {
  std::vector<ClientFacts> clients;  // who waits and holds most first
  std::size_t lookedAt = 0;
  bool all = true;
};
// In pieces (work.h): `done` is called once, in this turn or a later one.
void searchClients(Services& services, std::size_t worker, const ClientSearch& search,
                   std::function<void(FoundClients)> done);
// Orders as the answer of searchClients() is.
bool comesBefore(const ClientFacts& a, const ClientFacts& b);

std::vector<SlowEntry> newestSlow(const Services& services, std::size_t most);
// False: it is no client of this worker.
bool closeClient(Services& services, std::uint64_t id, const std::string& reason);
// PROXY PAUSE by somebody without a connection: ends by itself.
void pauseFor(Services& services, net::Millis duration, const std::string& who, bool tells);
void endPause(Services& services);

}  // namespace slotless::session
