#include "proxy/dispatch/agenda.h"

#include <algorithm>

#include "proxy/dispatch/downstream.h"

namespace slotless::session {

namespace {
std::uint8_t bit(Task task) noexcept {
  return static_cast<std::uint8_t>(task);
}
}  // namespace

std::vector<Downstream*>& Agenda::list(Task task) noexcept {
  switch (task) {
    case Task::Parse: return parse_;
    case Task::Pump: return pump_;
    case Task::Flush: return flush_;
    case Task::Later: return later_;
    case Task::Reap: break;
  }
  return reap_;
}

void Agenda::add(Downstream& client, Task task) {
  if ((client.agendaBits() & bit(task)) != 0) return;
  client.agendaBits() |= bit(task);
  list(task).push_back(&client);
}

void Agenda::take(Task task, std::vector<Downstream*>& into) {
  into.clear();
  into.swap(list(task));
  for (Downstream* client : into) client->agendaBits() &= static_cast<std::uint8_t>(~bit(task));
}

void Agenda::takeSome(Task task, std::size_t most, std::vector<Downstream*>& into) {
  std::vector<Downstream*>& waiting = list(task);
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(most, waiting.size()));
  into.assign(waiting.begin(), end);
  waiting.erase(waiting.begin(), end);
  for (Downstream* client : into) client->agendaBits() &= static_cast<std::uint8_t>(~bit(task));
}

void Agenda::forget(Downstream& client) {
  for (const Task task : {Task::Parse, Task::Pump, Task::Flush, Task::Reap, Task::Later}) {
    if ((client.agendaBits() & bit(task)) != 0) std::erase(list(task), &client);
  }
  client.agendaBits() = 0;
}

}  // namespace slotless::session
