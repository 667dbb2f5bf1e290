// Keeps clients' requests back while CLIENT PAUSE or PROXY PAUSE is in force on this worker.
//
// What is kept back stays in its client's input, unparsed, and the client is not read from. Source for CLIENT
// PAUSE: redis.io/commands/client-pause; a pause of writes lets scripts and functions pass that declare to
// write nothing. PROXY PAUSE keeps back everything but the console's and authentication's commands.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/net/loop.h"
#include "proxy/session/function_flags.h"

namespace slotless::session {

class Client;
class Request;
struct Services;

enum class PauseKind : std::uint8_t { None, Writes, All };

class PauseGate {
 public:
  explicit PauseGate(Services& services);

  // CLIENT PAUSE: of several the longest and the strictest hold.
  void pause(PauseKind kind, net::Millis duration);
  void unpause();
  // PROXY PAUSE and RESUME.
  void close() { closed_ = true; }
  void open();
  bool closed() const noexcept { return closed_; }

  // Keeps the request back if it has to: false, nothing is in its way.
  bool holds(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) {
    return (closed_ || kind_ != PauseKind::None) && stops(client, spec, argv);
  }
  // The client is about to be destroyed.
  void forget(Client& client);

  // Completes the request (PROXY PAUSE) when nothing is in flight on any worker, or with an error after that
  // time.
  void awaitQuiet(Request& request, net::Millis patience);

 private:
  struct Wait {
    Request* request;
    net::TimePoint deadline;
  };

  bool stops(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv);
  void wakeAll();
  void countInFlight();
  void settleWaits(std::size_t inFlight);

  Services& services_;
  PauseKind kind_ = PauseKind::None;
  net::TimePoint until_{};
  bool closed_ = false;
  std::unique_ptr<net::Timer> end_;
  std::vector<Client*> waiting_;
  FunctionFlags functions_;
  std::unique_ptr<net::Timer> recount_;
  std::vector<Wait> waits_;
};

}  // namespace slotless::session
