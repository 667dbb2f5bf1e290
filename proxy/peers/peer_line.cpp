#include "proxy/peers/peer_line.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/denial.h"
#include "protocol/slot.h"
#include "proxy/peers/peer_table.h"
#include "proxy/pubsub/peer_channel.h"
#include "proxy/telemetry/log.h"
#include "proxy/upstream/handshake.h"

namespace slotless::peers {

namespace {

constexpr std::size_t kReadAtOnce = 16384;
// A right that is given is noticed soon enough, and nobody's log is filled.
constexpr net::Millis kAfterDenial{60'000};

std::string_view bytesOf(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

}  // namespace

PeerLine::PeerLine(net::Loop& loop, Events events)
    : loop_(loop), events_(std::move(events)), scratch_(kReadAtOnce, '\0') {}

PeerLine::~PeerLine() {
  close();
}

void PeerLine::setTopology(cluster::TopologyPtr topology) {
  topology_ = std::move(topology);
}

void PeerLine::setAccess(upstream::Access access, net::Millis patience) {
  // A subscriber of RESP2 cannot log in anew, and is not missed for the moment that it takes to connect.
  if (access.credentials() != access_.credentials()) close();
  access_ = std::move(access);
  patience_ = patience;
  notBefore_ = silentUntil_ = {};
  if (!isSaying_) saying_.reset();  // the next one logs in with these
}

bool PeerLine::canSay() const {
  return isListening() && !isSaying_ && loop_.now() >= silentUntil_;
}

// Masters in turn, from the one on that owns the channel's slot.
std::optional<net::Address> PeerLine::nextNode() const {
  if (topology_ == nullptr) return std::nullopt;
  std::vector<const cluster::Node*> masters;
  for (const cluster::Node& node : topology_->nodes) {
    if (node.master) masters.push_back(&node);
  }
  if (masters.empty()) return std::nullopt;
  const cluster::NodeIndex owner = topology_->owners[protocol::slotOf(pubsub::kPeerChannel)];
  std::size_t first = 0;
  if (owner != cluster::kNoNode) {
    const auto found = std::find(masters.begin(), masters.end(), &topology_->nodes[owner]);
    first = found == masters.end() ? 0 : static_cast<std::size_t>(found - masters.begin());
  }
  return masters[(first + losses_) % masters.size()]->address;
}

void PeerLine::transition(State next) {
  const bool listened = isListening();
  state_ = next;
  since_ = loop_.now();
  if (listened != isListening()) events_.listens(node_, listened ? -1 : 1);
}

void PeerLine::keep(bool hears, net::Millis renewal) {
  const auto inState = loop_.now() - since_;
  const bool isOld = renewal.count() > 0 && inState >= renewal;
  const bool isElsewhere = topology_ != nullptr && !topology_->isMaster(node_);
  if (isListening() && (isOld || isElsewhere)) {
    close();
  } else if (isListening() && !hears && inState >= kPatience && loop_.now() >= silentUntil_) {
    lose("what is said there is not heard");
  } else if (state_ == State::Asking && inState >= kPatience) {
    lose("no answer to PSUBSCRIBE");
  }
  if (state_ != State::Closed || loop_.now() < notBefore_) return;
  const auto next = nextNode();
  if (!next) return;
  node_ = *next;
  reader_.emplace();
  output_.clear();
  upstream::Connection::Owner& owner = *this;
  connection_ = std::make_unique<upstream::Connection>(loop_, scratch_, node_, nullptr, owner);
  transition(State::Connecting);
  connection_->open(upstream::Handshake(access_), patience_, losses_);
}

void PeerLine::close() {
  transition(State::Closed);
  if (connection_ != nullptr) connection_->close();
  saying_.reset();
  isSaying_ = false;
  losses_ = 0;
  trouble_.clear();
}

void PeerLine::onConnectionUp() {
  transition(State::Asking);
  output_ = upstream::formatCommand({"PSUBSCRIBE", pubsub::kPeerPattern});
  onRoom();
}

void PeerLine::onRoom() {
  if (output_.empty()) return;
  const auto sent = connection_->write(output_);
  output_.erase(0, sent.bytes);  // an error shows when it is read from
}

void PeerLine::onBytes(std::string_view bytes) {
  reader_->feed(bytes);
  takeReplies();
}

void PeerLine::takeReplies() {
  upstream::ReplyPtr reply;
  while (state_ == State::Asking || isListening()) {
    const auto status = reader_->next(reply);
    if (status == upstream::OwnReplyReader::Status::NeedMore) return;
    if (status == upstream::OwnReplyReader::Status::Garbage)
      return lose("a reply that is not RESP, or too long");
    if (!take(*reply)) return lose("a reply that nobody asked for");
  }
}

bool PeerLine::take(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) {
    const std::string error(bytesOf(reply));
    if (protocol::isDenial(error)) notBefore_ = loop_.now() + kAfterDenial;
    lose("PSUBSCRIBE: " + error);
    return true;
  }
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 3) return false;
  const std::string_view word = bytesOf(*reply.element[0]);
  if (state_ == State::Asking && word == "psubscribe") {
    losses_ = 0;
    trouble_.clear();
    transition(State::Listening);
    return true;
  }
  if (word != "pmessage" || reply.elements != 4) return false;
  events_.heard(bytesOf(*reply.element[3]));
  return true;
}

void PeerLine::onConnectionLost(std::string_view reason) {
  lose(std::string(reason));
}

void PeerLine::lose(const std::string& reason) {
  const std::string where = node_.text();
  transition(State::Closed);
  connection_->close();
  ++losses_;
  note(where + ": " + reason);
}

void PeerLine::note(const std::string& trouble) {
  // Once, and not with every attempt that follows.
  if (trouble_.empty()) log::info("other proxies are not heard", {{"reason", trouble}});
  trouble_ = trouble;
}

void PeerLine::say(std::string_view message) {
  const std::vector<std::vector<std::string_view>> commands = {{"PUBLISH", pubsub::kPeerChannel, message}};
  const auto said = [this](const discovery::QueryResult& result) { onSaid(result); };
  isSaying_ = true;
  if (saying_ != nullptr && saying_->reusable() && saying_->node() == node_) {
    saying_->again(commands, patience_, said);
  } else {
    saying_ = std::make_unique<discovery::NodeQuery>(loop_, node_, access_, commands, patience_, said);
  }
}

void PeerLine::onSaid(const discovery::QueryResult& result) {
  isSaying_ = false;
  const bool isRefused = result.error.empty() && result.replies.front()->type == REDIS_REPLY_ERROR;
  if (result.error.empty() && !isRefused) return events_.said();
  const std::string why = isRefused ? std::string(bytesOf(*result.replies.front())) : result.error;
  if (isRefused && protocol::isDenial(why)) silentUntil_ = loop_.now() + kAfterDenial;
  note(node_.text() + ": PUBLISH: " + why);
  saying_.reset();
  events_.said();
}

}  // namespace slotless::peers
