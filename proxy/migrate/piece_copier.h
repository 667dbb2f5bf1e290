// Copies a value by the commands of its type, some of it at a time: for values so large that DUMP and RESTORE
// would hold up a server, and for servers that do not understand each other's DUMP.
//
// What is there is replaced. While it is being copied the target has a part of it; a value that changes
// meanwhile may be mixed: the feed has its name then, and it is copied once more.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/migrate/key_client.h"
#include "proxy/migrate/source_facts.h"

namespace slotless::migrate {

// Tells how many elements a value of the type has; empty: no such type is known here.
std::string_view lengthCommand(std::string_view type) noexcept;

enum class Pieced { Copied, Gone, Unsupported, Refused, Stopped };

struct PieceResult {
  Pieced outcome = Pieced::Copied;
  std::string detail = {};  // its type, where it is copied or cannot be; or what a server has said
};

class PieceCopier {
 public:
  PieceCopier(KeyClient& from, KeyClient& to, const SourceFacts& facts)
      : from_(from), to_(to), facts_(facts) {}

  // `bytes`: about as large as it is.
  PieceResult copy(const Key& key, std::int64_t bytes);

 private:
  using Words = std::vector<std::string>;
  enum class Step { Good, Again, Gone, Refused, Stopped };
  using Copy = Step (PieceCopier::*)();
  struct Type {
    std::string_view name;
    std::string_view length;  // the command that tells it
    Copy copy;
  };
  friend std::string_view lengthCommand(std::string_view type) noexcept;
  static const Type* findType(std::string_view name);

  Step attempt(const Type& type);
  Step copyString();
  Step copyList();
  Step copyHash();
  Step copySet();
  Step copySortedSet();
  Step copyStream();
  Step copyStreamGroup(const subcommand::Reply& group);
  Step copyPending(const std::string& group);
  Step copyFieldExpiry(const std::vector<std::string>& fields);
  Step copyExpiry();
  // SCAN of one key: each page becomes one command with `add` in front.
  Step copyPages(std::string_view scan, std::string_view add, bool swapped, std::size_t perElement);

  // The key's name is the word `at`; 0: there is none.
  Step read(Words words, subcommand::Reply& reply, std::size_t at = 1);
  void put(Words words);  // the key's name comes behind the first word
  void putWithName(Words words, std::size_t at);
  Step flush();

  KeyClient& from_;
  KeyClient& to_;
  const SourceFacts& facts_;
  Key key_;
  std::size_t elements_ = 0;  // a piece
  std::vector<KeyOp> ops_;
  std::string detail_;
};

}  // namespace slotless::migrate
