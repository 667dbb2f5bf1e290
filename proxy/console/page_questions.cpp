#include "proxy/console/page_questions.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "proxy/dispatch/work.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/services.h"

namespace slotless::session {

namespace {

bool matches(const ClientFacts& facts, const std::string& part) {
  const auto has = [&](const std::string& text) { return text.find(part) != std::string::npos; };
  return part.empty() || has(facts.name) || has(facts.address) || has(facts.user) ||
         part == std::to_string(facts.id);
}

class Search final : public Work {
 public:
  Search(Services& services, std::size_t worker, ClientSearch search, std::function<void(FoundClients)> done)
      : services_(services), worker_(worker), search_(std::move(search)), done_(std::move(done)) {
    ids_.reserve(std::min(services.clients.size(), search_.looks));
    for (const auto& [id, client] : services.clients) {
      if (ids_.size() == search_.looks) break;
      ids_.push_back(id);
    }
    found_.all = ids_.size() == services.clients.size();
  }

  bool goOn(WorkBudget& budget) override {
    for (; next_ < ids_.size(); ++next_) {
      if (!budget.left()) return false;
      budget.spend(kUnitsPerClient);
      look(ids_[next_]);
    }
    cut();
    done_(std::move(found_));
    return true;
  }

 private:
  static constexpr std::size_t kUnitsPerClient = 50;

  void look(std::uint64_t id) {
    const auto found = services_.clients.find(id);
    if (found == services_.clients.end() || found->second->state() == ClientState::Closed) return;
    ++found_.lookedAt;
    ClientFacts facts = factsOf(*found->second, services_);
    facts.worker = worker_;
    if (!matches(facts, search_.match)) return;
    found_.clients.push_back(std::move(facts));
    if (found_.clients.size() >= 2 * search_.most) cut();
  }

  void cut() {
    const std::size_t kept = std::min(search_.most, found_.clients.size());
    std::partial_sort(found_.clients.begin(), found_.clients.begin() + static_cast<std::ptrdiff_t>(kept),
                      found_.clients.end(), comesBefore);
    found_.clients.resize(kept);
  }

  Services& services_;
  const std::size_t worker_;
  const ClientSearch search_;
  const std::function<void(FoundClients)> done_;
  std::vector<std::uint64_t> ids_;
  std::size_t next_ = 0;
  FoundClients found_;
};

}  // namespace

bool comesBefore(const ClientFacts& a, const ClientFacts& b) {
  return std::tuple(b.held, b.pending, b.memoryBytes, a.id) <
         std::tuple(a.held, a.pending, a.memoryBytes, b.id);
}

void searchClients(Services& services, std::size_t worker, const ClientSearch& search,
                   std::function<void(FoundClients)> done) {
  services.workbench.add(nullptr, std::make_unique<Search>(services, worker, search, std::move(done)));
}

std::vector<SlowEntry> newestSlow(const Services& services, std::size_t most) {
  const auto& all = services.slowLog.entries();
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()))};
}

bool closeClient(Services& services, std::uint64_t id, const std::string& reason) {
  const auto found = services.clients.find(id);
  if (found == services.clients.end() || found->second->state() == ClientState::Closed) return false;
  found->second->close(reason);
  return true;
}

// No client has the id 0.
void pauseFor(Services& services, net::Millis duration, const std::string& who, bool tells) {
  services.gate.close({0, who, services.host.now + duration, tells});
}

void endPause(Services& services) {
  services.gate.open();
}

}  // namespace slotless::session
