// What has to be done for which client before the turn ends. A client is on each list at most once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace slotless::session {

class Downstream;

enum class Task : std::uint8_t {
  Parse = 1U << 0,  // input is left, and the reason to pause may be gone
  Pump = 1U << 1,   // held legs may be able to go
  Flush = 1U << 2,  // there is output
  Reap = 1U << 3,   // closed: destroy it
  Later = 1U << 4,  // as Parse, or to be read from, when its turn comes: it asks for a lot
};

class Agenda {
 public:
  void add(Downstream& client, Task task);
  // Takes the list for `task`: what is added meanwhile is for the next round.
  void take(Task task, std::vector<Downstream*>& into);
  // The same for at most `most` of them, those first that have waited longest.
  void takeSome(Task task, std::size_t most, std::vector<Downstream*>& into);
  bool has(Task task) noexcept { return !list(task).empty(); }
  // But for those that take turns.
  bool idle() const noexcept { return parse_.empty() && pump_.empty() && flush_.empty() && reap_.empty(); }
  // A client is about to be destroyed.
  void forget(Downstream& client);

 private:
  std::vector<Downstream*>& list(Task task) noexcept;

  std::vector<Downstream*> parse_;
  std::vector<Downstream*> pump_;
  std::vector<Downstream*> flush_;
  std::vector<Downstream*> reap_;
  std::vector<Downstream*> later_;
};

}  // namespace slotless::session
