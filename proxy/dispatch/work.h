// Long work, cut into pieces between which other clients are served.
//
// A request may be about a million keys, a client may leave 300,000 subscriptions behind: whatever takes time
// by what one client sends, holds or asks is a Work, which goes on for a while in each turn of the loop. All
// works of a worker take turns, and together they have as much of a turn as one would have alone.
//
// Units: a budget counts units of about 100 ns, which each kind of work knows its items to cost: so what is
// done in a turn does not depend on a clock. Ownership: the workbench's. A work of a client ends when the
// client leaves; one without a client is nobody's any more and is always finished.
#pragma once
#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <utility>

namespace slotless::session {

class Downstream;

class WorkBudget {
 public:
  explicit WorkBudget(std::size_t units) noexcept : left_(units) {}
  static WorkBudget unlimited() noexcept { return WorkBudget(std::numeric_limits<std::size_t>::max()); }
  // For an item that has been dealt with, or is about to be: the last one may exceed the budget.
  void spend(std::size_t units) noexcept { left_ -= std::min(left_, units); }
  bool left() const noexcept { return left_ > 0; }
  std::size_t units() const noexcept { return left_; }

 private:
  std::size_t left_;
};

class Work {
 public:
  virtual ~Work() = default;
  // Does as much as the budget allows. True: it is finished, and destroyed by the caller. May add other
  // works.
  virtual bool goOn(WorkBudget& budget) = 0;
  // That no client's account has.
  virtual std::size_t heldBytes() const noexcept { return 0; }
};

// Something that takes long to be destroyed: it is taken apart first, by T::discard(budget), which says
// whether it is empty. T::memoryBytes() is what is left.
template <typename T>
class Discard final : public Work {
 public:
  explicit Discard(std::unique_ptr<T> unwanted) : unwanted_(std::move(unwanted)) {}
  bool goOn(WorkBudget& budget) override { return unwanted_->discard(budget); }
  std::size_t heldBytes() const noexcept override { return unwanted_->memoryBytes(); }

 private:
  std::unique_ptr<T> unwanted_;
};

class Workbench {
 public:
  Workbench() = default;
  ~Workbench();
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  // About 0.4 milliseconds: other clients may meet one turn's work, and the work of their own turn, twice.
  static constexpr std::size_t kUnitsPerTurn = 4'000;
  // After so much the next work is taken up.
  static constexpr std::size_t kUnitsPerPiece = 1'000;
  // What is not worth a work is done at once.
  static constexpr std::size_t kUnitsAtOnce = 5'000;

  // Begins with the next turn, or in this one. `client` nullptr: nobody's. Works may add others, also while
  // they are destroyed.
  void add(const Downstream* client, std::unique_ptr<Work> work);
  template <typename T>
  void discard(std::unique_ptr<T> unwanted) {
    add(nullptr, std::make_unique<Discard<T>>(std::move(unwanted)));
  }
  // Its works end as they are. Not inside of a work.
  void forget(const Downstream& client);
  bool idle() const noexcept { return works_.empty(); }
  std::size_t heldBytes() const noexcept;
  // Once per turn.
  void run();

 private:
  struct Entry {
    const Downstream* client;
    std::unique_ptr<Work> work;
  };
  std::deque<Entry> works_;
  bool closing_ = false;
};

}  // namespace slotless::session
