// What has to be done for which client before the turn ends. A client is on each list at most once.
#pragma once
#include <cstdint>
#include <vector>

namespace slotless::session {

class Client;

enum class Task : std::uint8_t {
  Parse = 1U << 0,  // input is left, and the reason to pause may be gone
  Pump = 1U << 1,   // held legs may be able to go
  Flush = 1U << 2,  // there is output
  Reap = 1U << 3,   // closed: destroy it
};

class Agenda {
 public:
  void add(Client& client, Task task);
  // Takes the list for `task`: what is added meanwhile is for the next round.
  void take(Task task, std::vector<Client*>& into);
  bool idle() const noexcept { return parse_.empty() && pump_.empty() && flush_.empty() && reap_.empty(); }
  // A client is about to be destroyed.
  void forget(Client& client);

 private:
  std::vector<Client*>& list(Task task) noexcept;

  std::vector<Client*> parse_;
  std::vector<Client*> pump_;
  std::vector<Client*> flush_;
  std::vector<Client*> reap_;
};

}  // namespace slotless::session
