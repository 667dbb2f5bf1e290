#include "proxy/shadow/side.h"

#include <chrono>
#include <span>

#include "config/upstream.h"
#include "proxy/migrate/places.h"

namespace slotless::shadow {

using observe::ShadowSample;
using subcommand::Reply;
using telemetry::ShadowDrop;

namespace {

// A server that is slower than that is not compared with, and the process may be about to end.
constexpr std::chrono::milliseconds kConnect{500};
constexpr std::chrono::milliseconds kReply{1000};
constexpr std::size_t kMostReplyBytes = std::size_t{1} << 20;
// Beyond those of a usual cluster: nodes that have left are not kept.
constexpr std::size_t kMostClients = 64;
constexpr std::string_view kMovedAway[] = {"MOVED ", "CLUSTERDOWN ", "ASK "};

bool isFromElsewhere(const Reply& reply) {
  if (!reply.isError()) return false;
  for (const std::string_view each : kMovedAway) {
    if (reply.text.starts_with(each)) return true;
  }
  return false;
}

}  // namespace

Side::Side(const config::Config& config, config::Upstream side, std::function<bool()> stops)
    : single_(side == config::Upstream::Single), stops_(std::move(stops)), rules_(config.addressMap) {
  const config::Config own = config::forSide(config, side);
  if (single_) {
    naming_ = std::make_unique<migrate::ServerNames>();
    for (const config::Endpoint& each : own.server)
      seeds_.push_back({each.host, each.port, own.clusterTls, own.username, own.password, 0});
  } else {
    naming_ = std::make_unique<migrate::Places>(own);
    seeds_ = subcommand::clusterUrls(own);
  }
  options_.tls = subcommand::TlsFiles::of(own);
  options_.connectTimeout = kConnect;
  options_.replyTimeout = kReply;
  options_.clientName = "slotless-shadow";
  options_.mostReplyBytes = kMostReplyBytes;
}

// One node after the other, so that a cluster of which none answers does not keep the process from ending.
bool Side::look() {
  subcommand::ConnectOptions questions = options_;
  questions.mostReplyBytes = 0;
  for (const subcommand::ServerUrl& seed : seeds_) {
    if (stops_()) return false;
    auto answer = subcommand::lookAtCluster(std::span(&seed, 1), questions, rules_);
    trouble_ = answer.error;
    if (answer.view == nullptr || !answer.view->complete()) continue;
    view_ = std::move(answer.view);
    return true;
  }
  return false;
}

Side::Drop Side::send(const ShadowSample& sample) {
  words_ = sample.words;
  for (std::size_t i = 0; i < sample.keys.size(); ++i) {
    std::string& word = words_[sample.keys[i]];
    const auto place = naming_->of({sample.database, word});
    if (!place) return ShadowDrop::Reserved;
    if (i > 0 && place->slot != slot_) return ShadowDrop::Crosses;
    slot_ = place->slot;
    nodeDatabase_ = place->nodeDatabase;
    word = place->name;
  }
  return write();
}

Side::Drop Side::write() {
  if (!single_ && view_ == nullptr && !look()) return ShadowDrop::Unreachable;
  subcommand::ServerUrl url = single_ ? seeds_.front() : view_->ownerOf(slot_)->url;
  url.database = nodeDatabase_;
  const std::pair key{url.host + ' ' + std::to_string(url.port), nodeDatabase_};
  auto found = clients_.find(key);
  if (found == clients_.end()) {
    if (clients_.size() >= kMostClients) clients_.clear();
    found = clients_.emplace(key, subcommand::NodeClient(url, options_)).first;
  }
  asked_ = &found->second;
  // It may have been closed while it was idle.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!asked_->isOpen()) {
      trouble_ = asked_->open();
      if (!trouble_.empty()) break;
    }
    asked_->append(std::span<const std::string>(words_));
    trouble_ = asked_->send();
    if (trouble_.empty()) return std::nullopt;
  }
  view_ = nullptr;
  return ShadowDrop::Unreachable;
}

Reply Side::receive() {
  Reply reply = asked_->receive();
  if (reply.isLost()) trouble_ = reply.text;
  if (isFromElsewhere(reply)) view_ = nullptr;
  return reply;
}

}  // namespace slotless::shadow
