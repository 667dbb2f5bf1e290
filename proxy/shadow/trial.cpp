#include "proxy/shadow/trial.h"

#include <algorithm>
#include <utility>

#include "proxy/shadow/comparison.h"
#include "proxy/shadow/each_key.h"
#include "proxy/subcommand/node_client.h"
#include "proxy/telemetry/log.h"
#include "proxy/telemetry/rate_limit.h"

namespace slotless::shadow {

using observe::ShadowSample;
using subcommand::Reply;
using telemetry::ShadowCounts;
using telemetry::ShadowDrop;
using telemetry::ShadowOutcome;

namespace {

constexpr std::size_t kMostKept = std::size_t{16} * 1024;  // of what a side has said

// To be compared with itself only. Each text is with its length, so they do not run together.
std::string kept(const std::vector<std::string>& said) {
  std::string all;
  for (const std::string& each : said) all.append(std::to_string(each.size())).append(":").append(each);
  if (all.size() <= kMostKept) return all;
  return std::to_string(std::hash<std::string>()(all));
}

// Its connection is closed, with all that was asked by it.
bool isTooLarge(const Reply& reply) {
  return reply.isError() && reply.text == subcommand::kTooLarge;
}

}  // namespace

Trial::Trial(observe::ShadowQueue& queue, std::function<TimePoint()> now)
    : queue_(queue), now_(std::move(now)) {}

void Trial::use(std::unique_ptr<Asker> server, std::unique_ptr<Asker> cluster) {
  server_ = std::move(server);
  cluster_ = std::move(cluster);
  failedUntil_ = {};
}

bool Trial::askAgain() {
  if (doubtful_.empty() || doubtful_.front().due > now_()) return false;
  const Doubtful before = std::move(doubtful_.front());
  doubtful_.pop_front();
  put(before.sample, &before);
  return true;
}

void Trial::drop(const ShadowSample& sample, ShadowDrop reason) {
  ShadowCounts::ofProcess().addDropped(reason);
  queue_.settle(sample);
}

void Trial::end(const ShadowSample& sample, ShadowOutcome outcome) {
  ShadowCounts::ofProcess().add(sample.command, outcome);
  queue_.settle(sample);
}

void Trial::fail(const std::string& trouble) {
  failedUntil_ = now_() + kRest;
  static log::RateLimit limit(1);
  log::write(limit, now_(), log::Level::Warn, "shadow: a side does not answer", {{"error", trouble}});
}

std::optional<ShadowDrop> Trial::sendTo(Asker& side, const ShadowSample& sample,
                                        const std::vector<Question>& questions) {
  const auto reason = side.send(sample.database, questions);
  if (reason == ShadowDrop::Unreachable) fail(side.trouble());
  return reason;
}

// Both are sent before either is read: what is written meanwhile lies between the two as seldom as can be.
std::optional<ShadowDrop> Trial::send(const ShadowSample& sample, std::vector<Question>& questions) {
  questions.push_back({sample.words, sample.keys, sample.order});
  auto reason = sendTo(*cluster_, sample, questions);
  if (reason == ShadowDrop::Crosses) {
    questions = questionsOfEachKey(sample);
    if (!questions.empty()) reason = sendTo(*cluster_, sample, questions);
  }
  if (reason) return reason;
  reason = sendTo(*server_, sample, questions);
  if (reason) cluster_->abandon();
  return reason;
}

Trial::Said Trial::hear(Asker& side, const std::vector<Question>& questions, bool& isLost) {
  std::vector<std::string> said;
  std::size_t bytes = 0;
  bool good = true;
  for (const Question& each : questions) {
    const Reply reply = side.receive();
    isLost = reply.isLost();
    if (isLost) fail(side.trouble());
    if (isLost || isTooLarge(reply)) {
      side.abandon();
      return std::nullopt;
    }
    good = good && isAnswer(reply);
    if (!good) continue;
    said.push_back(essence(reply, each.order));
    bytes += said.back().size();
    good = questions.size() == 1 || bytes <= kMostReplyBytes;
  }
  return good ? Said(std::move(said)) : std::nullopt;
}

void Trial::put(ShadowSample sample, const Doubtful* before) {
  if (now_() < failedUntil_) return drop(sample, ShadowDrop::Unreachable);
  std::vector<Question> questions;
  if (const auto reason = send(sample, questions)) return drop(sample, *reason);
  bool isLost = false;
  const Said server = hear(*server_, questions, isLost);
  if (isLost) {
    cluster_->abandon();
    return drop(sample, ShadowDrop::Unreachable);
  }
  const Said cluster = hear(*cluster_, questions, isLost);
  if (isLost) return drop(sample, ShadowDrop::Unreachable);
  if (!server || !cluster) return end(sample, ShadowOutcome::Unanswered);
  if (*server == *cluster) return end(sample, ShadowOutcome::Equal);
  if (before == nullptr) {
    if (doubtful_.size() >= kMostDoubtful) return drop(sample, ShadowDrop::Full);
    doubtful_.push_back({std::move(sample), now_() + kSettle, kept(*server), kept(*cluster)});
    return;
  }
  if (kept(*server) != before->server || kept(*cluster) != before->cluster)
    return end(sample, ShadowOutcome::Changing);
  const auto differs =
      std::mismatch(server->begin(), server->end(), cluster->begin()).first - server->begin();
  static log::RateLimit limit(1);
  log::write(limit, now_(), log::Level::Warn, "shadow: the sides differ",
             {{"command", sample.command},
              {"database", sample.database},
              {"slot", cluster_->slotOf(static_cast<std::size_t>(differs))}});
  end(sample, ShadowOutcome::Different);
}

}  // namespace slotless::shadow
