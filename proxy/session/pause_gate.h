// Keeps clients' requests back while CLIENT PAUSE or PROXY PAUSE is in force on this worker.
//
// What is kept back stays in its client's input, unparsed, and the client is not read from. Source for CLIENT
// PAUSE: redis.io/commands/client-pause; a pause of writes lets scripts and functions pass that declare to
// write nothing. PROXY PAUSE keeps back everything but the console's and authentication's commands; it ends
// with PROXY RESUME, at its time, or, without one, with the connection that has asked for it. A cut-over
// shuts the gate for the moment that it takes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/net/loop.h"
#include "proxy/scripts/function_flags.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

enum class PauseKind : std::uint8_t { None, Writes, All };

// One PROXY PAUSE.
struct Closing {
  std::uint64_t client;                      // who has asked for it …
  std::string peer;                          // … from where
  std::optional<net::TimePoint> until = {};  // none: as long as it is connected
  bool tells = false;                        // this worker's gate puts its end into the log
};

class PauseGate {
 public:
  explicit PauseGate(Services& services);

  // CLIENT PAUSE: of several the longest and the strictest hold.
  void pause(PauseKind kind, net::Millis duration);
  void unpause();
  // PROXY PAUSE: the client's new one takes the place of its earlier one.
  void close(const Closing& closing);
  // PROXY RESUME: all of them end. False: there was none.
  bool open();
  // For a cut-over: everything is kept back until then, but for what leads to EXEC where MULTI has been said.
  void shut(bool shut);
  bool isShut() const noexcept { return shut_; }
  // A connection has been closed: what it has asked for ends, on all workers.
  void onGone(const Client& client) {
    if (!closings_.empty()) endClosingOf(client);
  }

  bool isOpen() const noexcept { return closings_.empty() && kind_ == PauseKind::None && !shut_; }
  // Keeps the request back if it has to: false, nothing is in its way.
  bool holds(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) {
    return !isOpen() && stops(client, spec, argv);
  }
  // The client is about to be destroyed.
  void forget(Client& client);

  // Completes the request (PROXY PAUSE) when nothing is in flight on any worker, or with an error after that
  // time.
  void awaitQuiet(Request& request, net::Millis patience);
  // The same for somebody who is told how many are in flight then. Not called if this worker ends before.
  void awaitQuiet(std::function<void(std::size_t inFlight)> told, net::Millis patience);

 private:
  struct Wait {
    net::TimePoint deadline;
    std::function<void(std::size_t inFlight)> told;
    Request* request = nullptr;  // whose client may leave; nullptr: nobody's
  };

  bool stops(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv);
  void wakeAll();
  void endClosingOf(const Client& client);
  void dropClosing(std::uint64_t client);
  void endClosingsInTime();
  void onClosingsChanged();
  void countInFlight();
  void settleWaits(std::size_t inFlight);

  Services& services_;
  bool shut_ = false;
  PauseKind kind_ = PauseKind::None;
  net::TimePoint until_{};
  std::vector<Closing> closings_;
  std::unique_ptr<net::Timer> end_;
  std::unique_ptr<net::Timer> closingEnd_;
  std::vector<Client*> waiting_;
  FunctionFlags functions_;
  std::unique_ptr<net::Timer> recount_;
  std::vector<Wait> waits_;
};

}  // namespace slotless::session
