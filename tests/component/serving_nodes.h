// Nodes that serve: they keep values, own slots, hand slots over key by key, answer with MOVED, ASK and
// TRYAGAIN as Redis does, and lose connections before and after they have carried out what came on them.
//
// All nodes share one store: which of them holds a key is told apart, so nothing is lost by a hand-over.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stage.h"

namespace slotless::test {

class ServingNodes {
 public:
  // `tags`: every key that is used has one of them.
  ServingNodes(Stage& stage, std::vector<std::string> tags, std::mt19937& random);

  // Takes what has arrived. False: there is nothing that a node could carry out.
  bool collect();
  // Carries out the next request of a random connection, or of all, and replies.
  void carryOutOne();
  void carryOutAll();

  // --- trouble ---
  // A random connection breaks; of what has arrived on it, some may have been carried out, and some of those
  // replies may have been sent.
  void breakOne();
  // All connections of a node break, and it takes no new ones until revive().
  void fail(std::size_t node);
  void revive();
  // A slot goes to another node, with all its keys or one key after the other.
  void moveAtOnce();
  void beginMove();
  void moveKey();
  void endMove();
  // What the proxy finds out when it looks at the topology.
  void tell();

 private:
  struct Line {
    std::shared_ptr<FakeConnection> connection;
    std::size_t node;
    std::deque<Words> requests;
    std::string replies;  // carried out, not pushed yet
    bool asking = false;
    bool aborted = false;
    std::optional<std::vector<Words>> queued;
    std::map<std::string, std::uint64_t> watched;  // key → its version then
  };
  struct Move {
    std::size_t to;
    std::set<std::string> arrived;
  };

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  std::vector<Line*> busy();
  void carryOut(Line& line);
  std::string answer(Line& line, const Words& words);
  std::string execute(Line& line);
  std::string run(const Words& words, std::size_t node);
  // Why the node does not do that; empty: it does.
  std::string refusal(const Line& line, const Words& words, bool asking);
  // Where a slot may go; 0: nowhere.
  std::size_t next(const std::string& tag);
  void take(std::size_t node, const std::string& tag);
  std::string ask(const std::string& key);
  static std::vector<std::string> keysOf(const Words& words);
  static std::string tagOf(const std::string& key);
  void write(const std::string& key, std::optional<std::string> value, std::size_t node);
  static void deliver(Line& line);

  Stage& stage_;
  const std::vector<std::string> tags_;
  std::mt19937& random_;
  std::map<std::string, std::size_t> owner_;  // tag → node
  std::map<std::string, std::size_t> told_;   // … as the proxy knows it
  std::map<std::string, Move> moves_;         // tag → where to
  std::map<std::string, std::string> store_;
  std::map<std::string, std::uint64_t> versions_;
  std::deque<Line> lines_;
  std::set<std::size_t> failed_;
  std::set<std::pair<std::string, std::size_t>> asks_;  // tag and node: somebody has been sent there
};

}  // namespace slotless::test
