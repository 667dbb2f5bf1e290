// Carries out commands about keys on one side of a migration, for one thread: whoever asks knows neither how
// the side names them nor which of its nodes has them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/migrate/naming.h"
#include "proxy/migrate/node_writer.h"

namespace slotless::migrate {

struct KeyOp {
  Key key;
  std::vector<std::string> words;
  // Which of the words is the key's name, whatever stands there; 0: none, and the key only tells which node.
  std::size_t at = 1;
  subcommand::Reply reply = {};
};

class KeyClient {
 public:
  KeyClient(const Naming& naming, NodeWriter writer) : naming_(naming), writer_(std::move(writer)) {}

  // As those of NodeWriter. Keys that the side cannot have are answered by an error.
  bool carryOut(std::span<KeyOp> ops);
  bool tryOnce(std::span<KeyOp> ops);
  bool waitForBetter() { return writer_.waitForBetter(); }

  bool mayHave(const Key& key) const { return naming_.of(key).has_value(); }
  // The databases with keys, and how many, of the node of slot 0: one server's. nullopt: stopped; else see
  // `error`.
  std::optional<std::map<std::uint32_t, std::uint64_t>> sizes(std::string& error);

 private:
  bool through(std::span<KeyOp> ops, bool (NodeWriter::*way)(std::span<NodeOp>));

  const Naming& naming_;
  NodeWriter writer_;
};

}  // namespace slotless::migrate
