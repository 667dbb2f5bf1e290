// As whom the proxy comes to the nodes, and how, on every connection that it makes.
//
// A value that is handed to all threads and never changed; only what nodes have said of it is shared by its
// copies. Source: credentials/credential_book.h.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/tls_source.h"

namespace slotless::telemetry {
class Denials;
}

namespace slotless::upstream {

struct Credentials {
  std::string username;  // empty: the default user
  std::string password;  // empty: no authentication

  bool operator==(const Credentials&) const = default;
};

// What nodes have said to one generation of credentials. Any thread may write it.
struct AccessVerdicts {
  std::atomic<bool> accepted = false;  // by some node, at some time
  std::atomic<bool> refused = false;   // since somebody looked last
  // They were refused where the ones before were taken: those are tried first, until a node takes these.
  std::atomic<bool> previousFirst = false;
};

struct Access {
  std::string username;         // empty: the default user
  std::string password;         // empty: no authentication
  std::string clientName = {};  // for CLIENT SETNAME; empty: none
  // Where it is noted what nodes deny; nullptr: nowhere.
  telemetry::Denials* denials = nullptr;
  // Both are valid while a change spreads: where these are refused, the ones before are tried.
  std::optional<Credentials> previous = {};
  std::uint64_t generation = 0;  // grows with every change of username and password
  std::shared_ptr<AccessVerdicts> verdicts = std::make_shared<AccessVerdicts>();

  // Not the proxy's own, but a client's: what nodes deny on its connections is the client's business.
  bool ofClient = false;
  // Which of the node's own databases is meant by what is asked (layout native).
  std::uint32_t database = 0;

  Credentials credentials() const { return {username, password}; }
  bool triesPreviousFirst() const { return previous && verdicts->previousFirst.load(); }
  net::TlsSourcePtr tls = {};  // nullptr: without encryption
  // What a node has to prove to be that is dialled by a number, since its name has been looked up before;
  // empty: that number.
  std::string tlsName = {};
};

}  // namespace slotless::upstream
