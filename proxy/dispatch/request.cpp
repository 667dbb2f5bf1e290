#include "proxy/dispatch/request.h"

#include <algorithm>
#include <cassert>

#include "proxy/dispatch/dispatcher.h"
#include "proxy/dispatch/downstream.h"

namespace slotless::session {

namespace {
// A reply buffer that grew larger is not kept for the next request.
constexpr std::size_t kKeepReplyBytes = 4096;
// Nor are more legs than a request usually has.
constexpr std::size_t kKeepLegs = 16;
// Of a leg beyond the first.
constexpr std::size_t kLegBytes = sizeof(Leg) + sizeof(std::unique_ptr<Leg>);
// Room for so many pointers is not worth giving back.
constexpr std::size_t kKeepFree = 1024;
}  // namespace

void Leg::onReply(std::string_view bytes, bool last) {
  request->dispatcher->onReply(*this, bytes, last);
}

bool Leg::declines(std::uint64_t left, const upstream::SentRequest& sent) {
  return request->dispatcher->declines(*this, left, sent);
}

void Leg::onLargeReply(const upstream::SentRequest& sent) {
  request->dispatcher->onLargeReply(*this, sent);
}

void Leg::onPreludeError(std::string_view line) {
  if (preludeError.empty()) preludeError.assign(line);
}

void Leg::onErrorReply(std::string_view line, const upstream::SentRequest& sent) {
  request->dispatcher->onErrorReply(*this, line, sent);
}

void Leg::onLost(upstream::Loss loss, const upstream::SentRequest& sent) {
  request->dispatcher->onLost(*this, loss, sent);
}

Request::Request(net::BlockPool& pool, RequestMemory& memory) : waiting(pool), memory_(memory) {
  first_.request = this;
  first_.reply.countIn(memory_.merging);
}

void Request::makeLegs(std::size_t count) {
  legCount_ = 0;
  openLegs = 0;
  while (legCount_ < count) addLeg();
}

Leg& Request::addLeg() {
  ++legCount_;
  ++openLegs;
  if (legCount_ > 1 && others_.size() < legCount_ - 1) {
    Leg& made = *others_.emplace_back(std::make_unique<Leg>());
    made.request = this;
    made.reply.countIn(memory_.merging);
    memory_.legs += kLegBytes;
  }
  return leg(legCount_ - 1);
}

void Request::wantScript(ScriptCache& cache, std::string_view sha) {
  if (ScriptRef script = cache.find(sha)) scripts.push_back(std::move(script));
}

void Request::dropLegs() noexcept {
  for (std::size_t i = 0; i < legCount_; ++i) {
    Leg& leg = this->leg(i);
    leg.detour.reset();
    leg.link = nullptr;
    leg.keys.clear();
    leg.preludeError.clear();
    leg.replyBegun = false;
    leg.forgone = false;
    leg.state = LegState::Done;
    leg.reply.reset(kKeepReplyBytes);
  }
  legCount_ = 0;
  openLegs = 0;
}

void Request::dropShortLeg() noexcept {
  assert(static_cast<const RequestTerms&>(*this) == RequestTerms{});
  assert(legCount_ == 1 && first_.keys.empty() && first_.preludeError.empty() && first_.reply.size() == 0 &&
         !first_.forgone);
  first_.detour.reset();
  first_.link = nullptr;
  first_.replyBegun = false;
  first_.state = LegState::Done;
  openLegs = 0;
  legCount_ = 0;
  short_ = false;
}

void Request::trimLegs() noexcept {
  memory_.legs -= others_.size() * kLegBytes;
  std::vector<std::unique_ptr<Leg>>().swap(others_);
}

bool Request::isHead() const noexcept {
  return client != nullptr && client->pending().head() == this;
}

Request& RequestPool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Request>(blocks_, memory_));
    return *all_.back();
  }
  Request& request = *free_.back();
  free_.pop_back();
  fewestFree_ = std::min(fewestFree_, free_.size());
  return request;
}

void RequestPool::trimUnused() {
  // The first ones have waited longest.
  for (std::size_t i = 0; i < fewestFree_; ++i) {
    memory_.legs -= free_[i]->others_.size() * kLegBytes;
    free_[i]->unneeded_ = true;
  }
  free_.erase(free_.begin(), free_.begin() + static_cast<std::ptrdiff_t>(fewestFree_));
  if (fewestFree_ > 0) std::erase_if(all_, [](const auto& request) { return request->unneeded_; });
  if (free_.capacity() > 2 * all_.size() + kKeepFree) free_.shrink_to_fit();
  if (all_.capacity() > 2 * all_.size() + kKeepFree) all_.shrink_to_fit();
  fewestFree_ = free_.size();
}

// One Redis carries out as a whole what it has read. What waits for something to take away has not begun.
bool goesOnForNobody(const Request& request, bool writes) noexcept {
  return writes ||
         (request.spec->has(protocol::kWrite) && request.spec->role != protocol::SessionRole::Blocking);
}

bool RequestPool::refersTo(const protocol::CommandTable& table) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& request) {
    // What EXEC's reply is made of may have been queued by another table than EXEC was.
    const bool executes = request->spec != nullptr && request->spec->role == protocol::SessionRole::Exec;
    return request->hook != nullptr || (executes && request->composer != nullptr) ||
           (request->spec != nullptr && table.find(request->spec->name) == request->spec);
  });
}

void RequestPool::put(Request& request) noexcept {
  assert(request.trace == nullptr);
  if (request.short_) {
    request.dropShortLeg();
  } else {
    const bool many = request.legCount_ > kKeepLegs;
    request.dropLegs();
    if (many) request.trimLegs();
    memory_.kept -= request.kept;
    static_cast<RequestTerms&>(request) = RequestTerms{};
  }
  request.client = nullptr;
  request.next = nullptr;
  request.spec = nullptr;
  request.database = nullptr;
  request.waiting.clear();
  request.replyBytes = 0;
  request.bytes = 0;
  request.heldLegs = 0;
  request.charged = 0;
  request.done = false;
  request.muted = false;
  free_.push_back(&request);
}

}  // namespace slotless::session
