#include "proxy/scripts/function_flags.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <span>
#include <utility>

#include "protocol/denial.h"
#include "proxy/upstream/handshake.h"
#include "proxy/upstream/reply_view.h"

namespace slotless::session {

using upstream::elementsOf;
using upstream::textOf;
using upstream::valueOf;

namespace {

constexpr std::string_view kFunctionList = "*2\r\n$8\r\nFUNCTION\r\n$4\r\nLIST\r\n";

std::set<std::string, std::less<>> harmlessOf(std::string_view list) {
  std::set<std::string, std::less<>> harmless;
  upstream::OwnReplyReader reader;
  upstream::ReplyPtr reply;
  reader.feed(list);
  if (reader.next(reply) != upstream::OwnReplyReader::Status::Reply) return harmless;
  for (const redisReply* library : elementsOf(reply.get())) {
    for (const redisReply* function : elementsOf(valueOf(library, "functions"))) {
      const auto flags = elementsOf(valueOf(function, "flags"));
      const bool noWrites = std::any_of(flags.begin(), flags.end(),
                                        [](const redisReply* flag) { return textOf(flag) == "no-writes"; });
      if (noWrites) harmless.emplace(textOf(valueOf(function, "name")));
    }
  }
  return harmless;
}

}  // namespace

bool FunctionFlags::writesNothing(std::string_view function, net::TimePoint now) {
  if (function.empty()) return false;
  if (state_ == State::Known) return harmless_.contains(function);
  if (state_ == State::Asked) return false;
  upstream::Link* link = links_.anyReady();
  if (link == nullptr) return false;
  state_ = State::Asked;
  outdated_ = false;
  node_ = link->node();
  askedAt_ = now;
  link->send(*this, kFunctionList, upstream::Front::None);
  return false;
}

void FunctionFlags::forget() noexcept {
  harmless_.clear();
  if (state_ == State::Known) state_ = State::Unknown;
  outdated_ = true;
}

void FunctionFlags::onReply(std::string_view bytes, bool last) {
  reply_.append(bytes);
  if (!last) return;
  denials_.worked(telemetry::Deniable::FunctionList, node_);
  settle();
}

void FunctionFlags::onErrorReply(std::string_view line, const upstream::SentRequest&) {
  if (protocol::isDenial(line)) denials_.note(telemetry::Deniable::FunctionList, node_, line, askedAt_);
  settle();
}

void FunctionFlags::onLost(upstream::Loss, const upstream::SentRequest&) {
  reply_.clear();
  settle();
}

void FunctionFlags::settle() {
  const std::string reply = std::exchange(reply_, {});
  state_ = outdated_ ? State::Unknown : State::Known;
  if (!outdated_) harmless_ = harmlessOf(reply);
  known_();
}

}  // namespace slotless::session
