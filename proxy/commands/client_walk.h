// Asks every worker about each of its clients, however many there are: in pieces, see work.h.
//
// Threads as in worker_poll.h: `look` runs on each worker's thread and carries nothing but plain values,
// `finish` runs on the asking one's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/commands/late_reply.h"
#include "proxy/dispatch/work.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

// Adds what is to be known of one client to its worker's part.
template <typename Part>
using LookAtClient = std::function<void(Services& services, std::size_t worker, Client& client, Part& part)>;

// One worker's clients. Those that come meanwhile are left out.
template <typename Part>
class ClientWalk final : public Work {
 public:
  ClientWalk(Services& services, std::size_t worker, LookAtClient<Part> look, std::function<void(Part)> done)
      : services_(services), worker_(worker), look_(std::move(look)), done_(std::move(done)) {
    ids_.reserve(services.clients.size());
    for (const auto& [id, client] : services.clients) ids_.push_back(id);
  }

  bool goOn(WorkBudget& budget) override {
    for (; next_ < ids_.size(); ++next_) {
      if (!budget.left()) return false;
      budget.spend(kUnitsPerClient);
      const auto found = services_.clients.find(ids_[next_]);
      if (found == services_.clients.end() || found->second->state() == ClientState::Closed) continue;
      look_(services_, worker_, *found->second, part_);
    }
    done_(std::move(part_));
    return true;
  }

 private:
  static constexpr std::size_t kUnitsPerClient = 50;

  Services& services_;
  const std::size_t worker_;
  const LookAtClient<Part> look_;
  const std::function<void(Part)> done_;
  std::vector<std::uint64_t> ids_;
  std::size_t next_ = 0;
  Part part_{};
};

template <typename Part>
void askAboutClients(Services& asking, LookAtClient<Part> look, FinishPoll<Part> finish) {
  askWorkersLater<Part>(
      asking,
      [look = std::move(look)](Services& there, std::size_t worker, std::function<void(Part)> done) {
        there.workbench.add(nullptr,
                            std::make_unique<ClientWalk<Part>>(there, worker, look, std::move(done)));
      },
      std::move(finish));
}

// The reply is made of every worker's part. `compose` is not called if the client has left.
template <typename Part>
void replyAboutClients(
    LocalCall& call, LookAtClient<Part> look,
    std::function<void(std::vector<Part> parts, Client& client, std::string& out)> compose) {
  Services* services = &call.services;
  Request* request = &replyLater(call);
  askAboutClients<Part>(call.services, std::move(look), [=](std::vector<Part> parts) {
    std::string reply;
    if (request->client != nullptr) compose(std::move(parts), clientOf(*request), reply);
    finishLate(*services, *request, reply);
  });
}

}  // namespace slotless::session
