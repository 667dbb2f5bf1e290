// What nodes deny to the proxy: commands of its own that an ACL forbids, or that a server does not have.
//
// The proxy finds out by trying, and goes on without (docs/restricted-services.md). This remembers what was
// denied, by node, so that it is told once in the log, shown by PROXY STATS, and not tried again with every
// request. It is forgotten when it works again. Thread-safe: one for the whole process; where nothing is
// denied it takes no lock.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"

namespace slotless::telemetry {

enum class Deniable : std::uint8_t {
  // What is said first on a connection.
  Hello,
  ClientSetName,
  ClientNoEvict,
  ClientId,
  ReadOnly,
  // How connections and nodes are.
  ClientList,
  Role,
  Info,
  // What is learned of the cluster.
  ClusterSlots,
  ClusterNodes,
  ClusterShards,
  CountKeysInSlot,
  Command,
  CommandDocs,
  CommandGetKeys,
  ConfigGet,
  ConfigSet,
  FunctionList,
  // What commands of clients are made of.
  EvalRo,
  Eval,
  DatabaseScripts,
  TransferScripts,
  InfoScripts,
  ScriptLoad,
  DbSize,
  Keys,
  RandomKey,
  Scan,
  Unlink,
  Delete,
  Dump,
  Restore,
  ClientTracking,
  Subscribe,
  Monitor,
  Count
};
inline constexpr std::size_t kDeniableCount = static_cast<std::size_t>(Deniable::Count);

struct DeniableFact {
  std::string_view name;     // as the documents and PROXY STATS have it
  std::string_view without;  // what follows, for the log
};
const DeniableFact& factOf(Deniable what) noexcept;

class Denials {
 public:
  // Quiet: what is denied to one user of many is nobody else's news.
  enum class Voice : std::uint8_t { Tells, Quiet };
  explicit Denials(Voice voice = Voice::Tells) : voice_(voice) {}

  // `node`: an empty one is some node. `error`: its words, with or without what frames them.
  void note(Deniable what, const net::Address& node, std::string_view error, net::TimePoint now);
  // It has been carried out there, or failed for a reason of its own.
  void worked(Deniable what, const net::Address& node);
  // Whether some node denies it.
  bool any(Deniable what) const noexcept {
    return (denied_.load(std::memory_order_relaxed) & bitOf(what)) != 0;
  }
  // The same, but not when it is time to try it again.
  bool avoids(Deniable what, net::TimePoint now) const;
  // Forgets nodes that are not among these.
  void keepOnly(const std::vector<net::Address>& nodes);

  struct Row {
    Deniable what = Deniable::Count;
    std::vector<std::string> nodes;
    std::uint64_t times = 0;  // tried and denied
    std::string error;        // the latest
  };
  std::vector<Row> rows() const;

 private:
  // After that time what is denied is tried once more where something else would do as well.
  static constexpr net::Millis kTryAgain{60'000};
  static_assert(kDeniableCount <= 64);

  struct Entry {
    std::uint64_t times = 0;
    std::string error;
    net::TimePoint last{};
  };
  using Entries = std::map<std::string, Entry>;  // by node

  static constexpr std::uint64_t bitOf(Deniable what) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(what);
  }
  void forget(Deniable what, const std::string& node);

  const Voice voice_;
  mutable std::mutex mutex_;
  std::map<Deniable, Entries> entries_;
  std::atomic<std::uint64_t> denied_{0};
};

}  // namespace slotless::telemetry
