// Keeps all that the process allocates within memory-limit, whatever it is for.
//
// Above half of the limit memory is scarce: clients with unread replies get no more room than their share.
// Above the limit the clients that hold most are closed, on all workers, as many as it takes to come down by
// an eighth; until then nothing is read from others that hold more than their share. One round at a time for
// the process. Who holds how much, Client::footprint() says.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "proxy/downstream/memory_limits.h"
#include "proxy/net/loop.h"

namespace slotless::session {

struct Services;

class MemoryRelief final : public MemoryLimits {
 public:
  explicit MemoryRelief(Services& services);

  // Once per turn.
  void note();
  bool scarce() const override;
  bool isTooMuch(std::uint64_t bytes) const override;
  std::size_t share() const override;
  bool holdsBack(const ClientConnection& client) const override;

 private:
  struct Offender {
    std::uint64_t client = 0;
    std::size_t bytes = 0;
  };
  using Offenders = std::vector<Offender>;

  void disengage();
  void closeLargest(std::size_t excess);
  void closeAll(const std::vector<Offenders>& found, std::size_t excess);
  static Offenders largestOf(const Services& services);

  // Nobody is closed who holds less: memory is short for another reason then.
  static constexpr std::size_t kWorthwhileBytes = 64U * 1024;
  // So many of each worker in one round.
  static constexpr std::size_t kMostOffenders = 1024;
  // While memory is short it is looked at so often; what a round has closed has left by then.
  static constexpr net::Millis kPause{50};
  static constexpr net::Millis kPatience{1000};

  Services& services_;
  std::unique_ptr<net::Timer> timer_;
  bool engaged_ = false;  // above the limit, and not yet down again
  net::TimePoint lastAbove_{};
};

}  // namespace slotless::session
