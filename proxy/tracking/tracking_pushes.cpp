// The part of tracking that tells the client: invalidations, flushes, and CLIENT CACHING.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/request.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/tracking/invalidation.h"
#include "proxy/tracking/tracked.h"
#include "proxy/tracking/trackers.h"
#include "proxy/tracking/tracking.h"

namespace slotless::session {

using upstream::Front;

namespace {

// Masters that are flushed at the same time say so within this.
constexpr net::Millis kCollect{20};

bool answeredInPart(const Request& request) {
  return request.openLegs < request.legCount();
}

}  // namespace

void Tracking::onInvalidation(TrackingLease&, std::string_view push) {
  if (!engaged_ || allVoid_) return;
  context_.metrics.invalidations.add();
  const std::string told = translateInvalidation(context_.databases, tracked_, push);
  if (!told.empty()) tell(told);
}

// The others are waited for, not left out: what the client reads of them in between is from before.
void Tracking::onNodeFlushed(TrackingLease& lease) {
  if (!engaged_) return;
  lease.flushed = true;
  if (!anyLease([](const TrackingLease& each) { return each.live() && !each.flushed; })) return flush();
  if (!collectUntil_) collectUntil_ = context_.host.now + kCollect;
  startTicking();
}

void Tracking::flush() {
  collectUntil_.reset();
  for (const auto& lease : leases_) lease->flushed = false;
  context_.metrics.trackingFlushes.add();
  tell(kFlush);
}

// Replies that have come, but not left, tell of keys that this push may be about; and nothing is to be
// expected before the OK of CLIENT TRACKING.
void Tracking::tell(std::string_view push) {
  const Request* last = nullptr;
  for (const Request* each = client_.pending().head(); each != nullptr; each = each->next) {
    if (each == asking_ || answeredInPart(*each)) last = each;
  }
  if (last != nullptr) return tellBehind(*last, push);
  if (mode_.redirects()) return redirect(push);
  tracked_.push('>', push);
}

void Tracking::redirect(std::string_view push) {
  const std::string_view keys = push == kFlush ? std::string_view{} : push.substr(kInvalidate.size());
  trackers_.redirector().redirectInvalidation(client_.id(), target_, keys);
}

void Tracking::tellBehind(const Request& request, std::string_view push) {
  behind_.push_back({&request, std::string(push)});
  tracked_.countWaiting(push.size());
}

void Tracking::onReplied(const Request& request, net::ByteChain& output) {
  for (const Behind& each : behind_) {
    if (each.request != &request) continue;
    tracked_.uncountWaiting(each.push.size());
    if (mode_.redirects()) {
      redirect(each.push);
    } else {
      output.append(each.push);
    }
  }
  std::erase_if(behind_, [&](const Behind& each) { return each.request == &request; });
  if (request.emptiesByKey && engaged_) flushBehind(output);
}

// As one Redis tells of FLUSHDB, NOLOOP or not. What nodes tell of its keys afterwards says nothing new, as
// long as the client cannot have read anything since. With BCAST it may read by other connections.
void Tracking::flushBehind(net::ByteChain& output) {
  context_.metrics.trackingFlushes.add();
  allVoid_ = client_.pending().empty() && !mode_.broadcast();
  if (mode_.redirects()) return redirect(kFlush);
  output.append(kFlush);
}

Front Tracking::frontOf(const protocol::CommandSpec& spec) noexcept {
  allVoid_ = false;
  const bool unseen = mode_.on() && !engaged_ && spec.role != protocol::SessionRole::Tracking;
  askedUnseen_ = askedUnseen_ || unseen;
  if (!cachingGiven_ || !engaged_) return Front::None;
  return mode_.optIn() ? Front::CachingYes : Front::CachingNo;
}

void Tracking::voidReadsOf(const Request& request, const net::ByteChain& bytes) {
  if (!engaged_) return;
  const RequestCopy copy(bytes);
  std::vector<std::uint32_t> positions;
  const bool known = copy.complete() &&
                     protocol::keyPositions(*request.spec, copy.argv(), positions) == protocol::KeyResult::Ok;
  if (!known || positions.empty()) return tellBehind(request, kFlush);
  std::vector<std::string_view> keys;
  for (const std::uint32_t position : positions) keys.push_back(copy.argv()[position]);
  const std::string told = invalidationOf(context_.databases, tracked_, keys);
  if (!told.empty()) tellBehind(request, told);
}

}  // namespace slotless::session
