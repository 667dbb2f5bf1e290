#include "proxy/migrate/key_client.h"

#include <utility>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

bool KeyClient::through(std::span<KeyOp> ops, bool (NodeWriter::*way)(std::span<NodeOp>)) {
  std::vector<NodeOp> sent;
  std::vector<KeyOp*> senders;
  sent.reserve(ops.size());
  senders.reserve(ops.size());
  for (KeyOp& op : ops) {
    auto place = naming_.of(op.key);
    if (!place) {
      op.reply = {subcommand::Reply::Kind::Error, "ERR the name is reserved"};
      continue;
    }
    if (op.at != 0) op.words[op.at] = std::move(place->name);
    sent.push_back({place->slot, place->nodeDatabase, std::move(op.words), {}, false});
    senders.push_back(&op);
  }
  const bool good = (writer_.*way)(sent);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    senders[i]->words = std::move(sent[i].words);
    senders[i]->reply = std::move(sent[i].reply);
  }
  return good;
}

bool KeyClient::carryOut(std::span<KeyOp> ops) {
  return through(ops, &NodeWriter::carryOut);
}

bool KeyClient::tryOnce(std::span<KeyOp> ops) {
  return through(ops, &NodeWriter::tryOnce);
}

std::optional<std::map<std::uint32_t, std::uint64_t>> KeyClient::sizes(std::string& error) {
  NodeOp op{0, 0, {"INFO", "keyspace"}, {}, false};
  if (!writer_.carryOut(std::span(&op, 1))) return std::nullopt;
  if (op.reply.isError()) error = "INFO keyspace: " + op.reply.text;
  return subcommand::databasesIn(op.reply.text);
}

}  // namespace slotless::migrate
