#include "proxy/migrate/node_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "config/endpoint.h"
#include "protocol/lines.h"
#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;
using subcommand::ServerUrl;

namespace {

constexpr std::chrono::milliseconds kBetweenWrites{100};

struct ErrorClass {
  std::string_view begins;
  Verdict verdict;
};
// All others are the server's last word.
constexpr std::array<ErrorClass, 10> kClasses{{{"MOVED ", Verdict::Redirected},
                                               {"ASK ", Verdict::Redirected},
                                               {"CLUSTERDOWN", Verdict::Later},
                                               {"TRYAGAIN", Verdict::Later},
                                               {"LOADING", Verdict::Later},
                                               {"MASTERDOWN", Verdict::Later},
                                               {"READONLY", Verdict::Later},
                                               {"NOREPLICAS", Verdict::Later},
                                               {"BUSY ", Verdict::Later},
                                               {"UNBLOCKED", Verdict::Later}}};

std::string keyOf(const ServerUrl& url) {
  return url.host + " " + std::to_string(url.port);
}

}  // namespace

Verdict verdictOf(const Reply& reply) noexcept {
  if (reply.isLost()) return Verdict::Later;
  if (!reply.isError()) return Verdict::Final;
  const auto* const found = std::find_if(kClasses.begin(), kClasses.end(), [&](const ErrorClass& each) {
    return reply.text.starts_with(each.begins);
  });
  return found == kClasses.end() ? Verdict::Final : found->verdict;
}

bool endConnections(NodeClient& client, std::string_view namesBegin) {
  const Reply list = client.command({"CLIENT", "LIST"});
  if (list.failed()) return false;
  bool allowed = true;
  const std::string wanted = " name=" + std::string(namesBegin);
  std::string_view text = list.text;
  while (!text.empty()) {
    const std::string_view line = protocol::takeLine(text);
    if (line.find(wanted) == std::string_view::npos || !line.starts_with("id=")) continue;
    const std::string_view id = line.substr(3, line.find(' ') - 3);
    const Reply killed = client.command({"CLIENT", "KILL", "ID", id, "SKIPME", "yes"});
    allowed = allowed && !killed.failed();
  }
  return allowed;
}

NodeWriter::NodeWriter(Nodes& target, std::string name, std::function<bool()> stopped)
    : target_(target), name_(std::move(name)), stopped_(std::move(stopped)) {}

// What the lost connection had sent may lie in the server's buffers. A server that lets nobody end
// connections gets the time to read it.
bool NodeWriter::endFormer(NodeClient& client) const {
  if (endConnections(client, name_)) return true;
  if (!client.isOpen()) return false;
  std::this_thread::sleep_for(std::chrono::seconds(1));
  return !client.command({"PING"}).isLost();
}

NodeWriter::Link* NodeWriter::linkTo(const ServerUrl& url, const std::string& nodeId) {
  Link& link = links_[keyOf(url)];
  if (link.client != nullptr && link.client->isOpen()) return &link;
  const bool again = link.client != nullptr;
  subcommand::ConnectOptions options = target_.options();
  options.clientName = again ? name_ + "+" : name_;
  link = {std::make_unique<NodeClient>(url, options), 0, false};
  if (auto error = link.client->open(); !error.empty()) {
    trouble_ = std::move(error);
    return nullptr;
  }
  if (again) {
    // It has another name until the former one is gone: or else it would end itself.
    if (!endFormer(*link.client)) return nullptr;
    link.client->command({"CLIENT", "SETNAME", name_});
  }
  const Reply info = link.client->command({"INFO", "server"});
  if (!info.failed() && !nodeId.empty())
    target_.noteProcess(nodeId, std::string(subcommand::InfoText(info.text).value("run_id")));
  return link.client->isOpen() ? &link : nullptr;
}

void NodeWriter::append(Link& link, const NodeOp& op) {
  if (op.database != link.database) link.client->append({"SELECT", std::to_string(op.database)});
  link.database = op.database;
  link.client->append(std::span<const std::string>(op.words));
}

void NodeWriter::note(const Reply& reply) {
  if (verdictOf(reply) == Verdict::Final) return;
  mustLook_ = true;
  if (verdictOf(reply) == Verdict::Later) trouble_ = reply.text;
}

// A redirect, once; what it leads to is the answer.
void NodeWriter::follow(NodeOp& op) {
  const bool ask = op.reply.text.starts_with("ASK ");
  mustLook_ = mustLook_ || !ask;
  const std::size_t space = op.reply.text.rfind(' ');
  std::string address = op.reply.text.substr(space + 1);
  // IPv6 addresses have no brackets here.
  const std::size_t colon = address.rfind(':');
  if (colon == 0 || colon == std::string::npos) return;
  if (address.find(':') != colon) address = "[" + address.substr(0, colon) + "]" + address.substr(colon);
  const auto node = config::parseNode(address);
  const auto view = target_.view();
  if (!node.value || view == nullptr) return;
  Link* const link =
      linkTo(target_.translated(view->masters.front().url.at(node.value->host, node.value->port)), "");
  if (link == nullptr) return;
  if (ask) link->client->append({"ASKING"});
  const bool selects = op.database != link->database;
  if (selects) link->client->append({"SELECT", std::to_string(op.database)});
  link->database = op.database;
  link->client->append(std::span<const std::string>(op.words));
  link->client->send();
  if (ask) link->client->receive();
  if (selects) link->client->receive();
  op.reply = link->client->receive();
}

// Sends what is not answered, to all masters before the first of them is waited for.
void NodeWriter::round(std::span<NodeOp> ops) {
  trouble_.clear();
  const auto view = target_.view();
  struct Batch {
    Link* link = nullptr;
    std::vector<std::pair<NodeOp*, bool>> ops;  // is there a SELECT in front of it?
  };
  std::map<std::string, Batch> batches;
  for (NodeOp& op : ops) {
    if (op.answered) continue;
    op.reply = {Reply::Kind::Lost, "slot " + std::to_string(op.slot) + " has no master"};
    const auto* const owner = view == nullptr ? nullptr : view->ownerOf(op.slot);
    if (owner == nullptr) {
      note(op.reply);
      continue;
    }
    const auto [found, isNew] = batches.try_emplace(keyOf(owner->url));
    Batch& batch = found->second;
    if (isNew) batch.link = linkTo(owner->url, owner->id);
    if (batch.link == nullptr) {
      op.reply.text = trouble_;
      mustLook_ = true;
      continue;
    }
    batch.ops.emplace_back(&op, op.database != batch.link->database);
    append(*batch.link, op);
  }
  for (auto& [key, batch] : batches) {
    if (batch.link != nullptr && !batch.ops.empty()) batch.link->client->send();
  }
  for (auto& [key, batch] : batches) {
    for (const auto& [op, selects] : batch.ops) {
      if (selects) batch.link->client->receive();
      op->reply = batch.link->client->receive();
    }
  }
  for (NodeOp& op : ops) {
    if (op.answered) continue;
    if (verdictOf(op.reply) == Verdict::Redirected) follow(op);
    note(op.reply);
    op.answered = verdictOf(op.reply) == Verdict::Final;
  }
}

bool NodeWriter::carryOut(std::span<NodeOp> ops) {
  for (;;) {
    round(ops);
    if (std::all_of(ops.begin(), ops.end(), [](const NodeOp& op) { return op.answered; })) return true;
    if (!waitForBetter()) return false;
  }
}

bool NodeWriter::tryOnce(std::span<NodeOp> ops) {
  for (NodeOp& op : ops) op.answered = false;
  round(ops);
  return std::all_of(ops.begin(), ops.end(),
                     [](const NodeOp& op) { return op.answered && !op.reply.failed(); });
}

bool NodeWriter::waitForBetter() {
  if (stopped_()) return false;
  std::this_thread::sleep_for(kBetweenWrites);
  if (std::exchange(mustLook_, false)) {
    if (auto error = target_.refreshOnce(); !error.empty()) {
      trouble_ = std::move(error);
      mustLook_ = true;
    }
  }
  return !stopped_();
}

}  // namespace slotless::migrate
