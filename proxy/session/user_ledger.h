// Whose clients have asked for how much since the start, on this worker: for UserCounts, which has it of all.
//
// Connections count what passes anyway; here it is added up by user once a second, and when a connection ends
// or becomes another user's. What a client has sent before its first login is counted with who it turns out
// to be, and with nobody if it never says.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/downstream/client_connection.h"
#include "proxy/net/loop.h"
#include "proxy/telemetry/user_counts.h"

namespace slotless::session {

class Client;
struct Services;

class UserLedger {
 public:
  explicit UserLedger(Services& services) : services_(services) {}
  ~UserLedger();
  UserLedger(const UserLedger&) = delete;
  UserLedger& operator=(const UserLedger&) = delete;

  // What the client has had until now is its present user's, whoever it is next.
  void settle(const Client& client);
  // It is about to be destroyed.
  void forget(const Client& client);
  // As often as one likes; about once a second something happens.
  void tick();

 private:
  using ByUser = telemetry::UserCounts::ByUser;

  // nullptr: it is nobody's.
  telemetry::UserFigures* ofUserOf(const Client& client);
  telemetry::UserFigures unsettled(const Client& client) const;
  void tell();

  Services& services_;
  ByUser settled_;                                          // and errors of all; whoever has clients is in it
  std::unordered_map<std::uint64_t, ClientTraffic> until_;  // of clients, what has been settled
  net::TimePoint toldAt_{};
};

}  // namespace slotless::session
