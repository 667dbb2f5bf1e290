#include "proxy/upstream/replica_role.h"

#include <algorithm>

#include "protocol/denial.h"

namespace slotless::upstream {

namespace {

// Of a master it names all replicas: more than the beginning is of no interest.
constexpr std::size_t kMost = 1024;

// A master is asked by mistake, or has been a replica just now: it answers for its own slots only.
bool isInStep(std::string_view role) {
  return role.find("\r\nslave\r\n") == std::string_view::npos ||
         role.find("\r\nconnected\r\n") != std::string_view::npos;
}

}  // namespace

void ReplicaRole::onReply(std::string_view bytes, bool last) {
  reply_.append(bytes.substr(0, kMost - std::min(kMost, reply_.size())));
  if (!last) return;
  inStep_ = isInStep(reply_);
  if (denials_ != nullptr) denials_->worked(telemetry::Deniable::Role, node_);
  reply_.clear();
}

void ReplicaRole::onErrorReply(std::string_view line, const SentRequest&) {
  if (denials_ != nullptr && protocol::isDenial(line))
    denials_->note(telemetry::Deniable::Role, node_, line, askedAt_);
  reply_.clear();
  inStep_ = true;
}

void ReplicaRole::onLost(Loss, const SentRequest&) {
  reply_.clear();
  inStep_ = false;
}

}  // namespace slotless::upstream
