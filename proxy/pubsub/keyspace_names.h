// Keyspace notifications where databases have keys of their own names in the cluster: which of the nodes'
// channels tell what a client wants to hear, and what a notification is called in its database.
//
// A key of a database that is mapped is in the nodes' database 0: one of database 1 is told of as
// `__keyspace@0__:~1{tag}key`, which one Redis would call `__keyspace@1__:key`. Of a native database nodes
// tell as one Redis would.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/databases/database.h"
#include "proxy/pubsub/topic.h"

namespace slotless::pubsub {

struct TopicName {
  TopicKind kind;
  std::string name;
  bool operator==(const TopicName& other) const = default;
};

struct Notification {
  std::string channel;
  std::string_view payload;
};

// The name with another number of a database in it: `renumber` gives it for the one that is there. As it is
// where no number is spelled out. nullopt: `renumber` has none.
using Renumber = std::function<std::optional<std::uint32_t>(std::uint32_t)>;
std::optional<std::string> renumbered(std::string_view name, const Renumber& renumber);

class KeyspaceNames {
 public:
  // `databases` outlive it.
  explicit KeyspaceNames(const databases::Databases& databases) : databases_(databases) {}

  // There is nothing to be translated: nodes and clients use the same names.
  bool same() const noexcept { return !databases_.anyMapped(); }
  // It tells of a key of the nodes' database 0, or of one that is native.
  bool isOfServer(std::string_view channel) const noexcept;
  // It tells of one of the nodes' other databases, that no client knows: a script, or somebody who talks to
  // the nodes, has written there.
  bool hides(std::string_view channel) const noexcept;
  // Whether every master has to be listened to under this name.
  bool concernsEveryServer(TopicKind kind, std::string_view name) const noexcept;
  // Where the notifications come from that the topic matches: none of them is told of by two. Requires
  // !same().
  std::vector<TopicName> sourcesOf(TopicKind kind, std::string_view name) const;
  // Requires isOfServer(channel). nullopt: about a key that no database has.
  std::optional<Notification> translate(std::string_view channel, std::string_view payload) const;

 private:
  const databases::Database* databaseOf(std::string_view number) const noexcept;
  // nullptr: it does not tell of one that is native.
  const databases::Database* nativeOf(std::string_view channel) const noexcept;

  const databases::Databases& databases_;
};

}  // namespace slotless::pubsub
