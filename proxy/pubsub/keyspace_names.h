// Keyspace notifications where databases have keys of their own names in the cluster: which of the nodes'
// channels tell what a client wants to hear, and what a notification is called in its database.
//
// Nodes know database 0 only: a key of database 1 is told of as `__keyspace@0__:~1{tag}key`, which one Redis
// would call `__keyspace@1__:key`.
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
  // Whether every master has to be listened to under this name.
  bool concernsEveryServer(TopicKind kind, std::string_view name) const noexcept;
  // Where the notifications come from that the topic matches: none of them is told of by two. Requires
  // !same().
  std::vector<TopicName> sourcesOf(TopicKind kind, std::string_view name) const;
  // Requires isNotification(channel). nullopt: about a key that no database has.
  std::optional<Notification> translate(std::string_view channel, std::string_view payload) const;

 private:
  const databases::Database* databaseOf(std::string_view number) const noexcept;

  const databases::Databases& databases_;
};

}  // namespace slotless::pubsub
