// What is known of one command: the facts that Redis's COMMAND reports, and how the proxy treats it.
// Source: COMMAND / COMMAND INFO (Redis 7.0: arity, flags, ACL categories, key specifications, tips,
// subcommands).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slotless::protocol {

// One bit per flag that COMMAND reports.
enum CommandFlag : std::uint32_t {
  kWrite = 1U << 0,
  kReadOnly = 1U << 1,
  kDenyOom = 1U << 2,
  kAdmin = 1U << 3,
  kPubSub = 1U << 4,
  kNoScript = 1U << 5,
  kBlocking = 1U << 6,
  kLoading = 1U << 7,
  kStale = 1U << 8,
  kSkipMonitor = 1U << 9,
  kSkipSlowlog = 1U << 10,
  kAsking = 1U << 11,
  kFast = 1U << 12,
  kNoAuth = 1U << 13,
  kMayReplicate = 1U << 14,
  kNoMulti = 1U << 15,
  kMovableKeys = 1U << 16,
  kAllowBusy = 1U << 17,
  kModule = 1U << 18,
  kNoAsyncLoading = 1U << 19,
  kNoMandatoryKeys = 1U << 20,
};

// One bit per ACL category that routing looks at; the others are kept as text for COMMAND INFO.
enum CommandCategory : std::uint32_t {
  kCategoryConnection = 1U << 0,
  kCategoryPubSub = 1U << 1,
  kCategoryBlocking = 1U << 2,
  kCategoryTransaction = 1U << 3,
  kCategoryScripting = 1U << 4,
  kCategoryAdmin = 1U << 5,
  kCategoryDangerous = 1U << 6,
};

enum class RequestPolicy : std::uint8_t { None, AllNodes, AllShards, MultiShard, Special };
enum class ResponsePolicy : std::uint8_t {
  None,
  OneSucceeded,
  AllSucceeded,
  AggLogicalAnd,
  AggLogicalOr,
  AggMin,
  AggMax,
  AggSum,
  Special
};

// Redis's "key specifications": where to begin, and how to go on from there.
struct KeySpec {
  enum class Begin : std::uint8_t { Index, Keyword, Unknown };
  enum class Find : std::uint8_t { Range, KeyNum, Unknown };
  std::uint32_t flags = 0;  // KeySpecFlag bits
  Begin begin = Begin::Unknown;
  int index = 0;        // Begin::Index: position of the first argument
  std::string keyword;  // Begin::Keyword, compared without case
  int startFrom = 0;    // Begin::Keyword: where the search begins; negative: from the end
  Find find = Find::Unknown;
  int lastKey = 0;      // Find::Range: relative to the beginning; negative: from the end
  int keyStep = 0;      // both
  int limit = 0;        // Find::Range, with lastKey -1: 0 or 1 all, 2 the first half, …
  int keyNumIndex = 0;  // Find::KeyNum, relative to the beginning
  int firstKey = 0;     // Find::KeyNum, relative to the beginning
  std::string notes;    // for COMMAND INFO
};
enum KeySpecFlag : std::uint32_t {
  kKeyReadOnly = 1U << 0,   // RO
  kKeyReadWrite = 1U << 1,  // RW
  kKeyOverwrite = 1U << 2,  // OW
  kKeyRemove = 1U << 3,     // RM
  kKeyAccess = 1U << 4,
  kKeyUpdate = 1U << 5,
  kKeyInsert = 1U << 6,
  kKeyDelete = 1U << 7,
  kKeyNotKey = 1U << 8,
  kKeyIncomplete = 1U << 9,
  kKeyVariableFlags = 1U << 10,
};

// How the proxy treats a command. Derived from the facts above, unless the table of overrides says otherwise.
enum class Handling : std::uint8_t {
  Keyed,    // goes to the owner of its keys' slot
  Split,    // Keyed, and may be split by slot: request policy multi_shard, nothing but keys up to the end
  AnyNode,  // no keys: any master answers
  FanOut,   // goes to all masters, replies are merged by the response policy
  Local,    // answered by the proxy
  Session,  // changes the state of the connection or waits on it: transactions, blocking, pub/sub, MONITOR
  Admin,    // administration of a server: refused unless allowed
  Never,    // makes no sense or does harm behind a proxy (REPLICAOF, SHUTDOWN, MIGRATE …)
};

// What a command means to the state of a session.
enum class SessionRole : std::uint8_t {
  None,
  Multi,
  Exec,
  Discard,
  Watch,
  Unwatch,
  Blocking,   // may wait for something to happen
  Subscribe,  // SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE
  Unsubscribe,
  Monitor,
  Wait,  // WAIT, WAITAOF
  Select,
  Tracking,
  Caching,  // CLIENT CACHING: about the next command
  Ping,
  Reset,
  Quit,
};
inline constexpr std::size_t kSessionRoleCount = static_cast<std::size_t>(SessionRole::Quit) + 1;

// Where a blocking command says how long it waits.
struct BlockTimeout {
  int argument = 0;             // position; negative: from the end; 0: behind sessionKeyword
  bool inMilliseconds = false;  // otherwise seconds, with a fraction
};

// How keyPositions() finds the keys.
enum class KeyProcedure : std::uint8_t {
  BySpecs,    // by the key specifications; without any, by firstKey, lastKey and keyStep
  Sort,       // SORT: its STORE may stand anywhere
  GeoRadius,  // GEORADIUS, GEORADIUSBYMEMBER: every STORE and STOREDIST, of which servers take the first or
              // the last
  Streams,    // XREAD, XREADGROUP: half of what follows the option STREAMS
  Debug,      // DEBUG: some subcommands have one
  Migrate,    // MIGRATE: KEYS counts only if the single key is empty
  AskServer,  // only a server can tell (COMMAND GETKEYS); keyPositions() gives what the specifications say
};

// Where a reply names keys.
enum class ReplyNames : std::uint8_t {
  None,
  Errors,   // only in the texts of errors
  First,    // [key, ...]: the BLPOP family
  Streams,  // [[key, entries], ...] or a map of key to entries: XREAD
};

// What a command is to a database as a whole: such commands name no keys, and yet concern those of one
// database only.
enum class WholeDatabase : std::uint8_t { None, Count, Flush, List, Random, Scan };

// Takes a key's value to another name or database.
enum class Transfer : std::uint8_t { None, Copy, Move, Rename, RenameIfAbsent };

// Whether it can reach another database than the chosen one: always, or if it has the option DB.
enum class OtherDatabase : std::uint8_t { None, Always, ByOption };

// What it does with the channels among its arguments, as far as permissions are about it.
enum class ChannelUse : std::uint8_t {
  None,
  Publish,           // one, the first argument
  Subscribe,         // all arguments
  SubscribePattern,  // all arguments, which are patterns
  Count,             // all arguments behind the subcommand
};

struct CommandSpec {
  std::string name;  // lower case; a subcommand's is "container|sub"
  int arity = 0;     // as COMMAND reports it: negative means "at least"
  std::uint32_t flags = 0;
  std::uint32_t categories = 0;
  std::vector<std::string> flagNames;      // as reported, for COMMAND INFO
  std::vector<std::string> categoryNames;  // as reported, with '@'
  int firstKey = 0;
  int lastKey = 0;
  int keyStep = 0;
  std::vector<KeySpec> keySpecs;
  std::vector<std::string> tips;
  std::string group;  // as COMMAND DOCS tells it; empty: not known
  RequestPolicy requestPolicy = RequestPolicy::None;
  ResponsePolicy responsePolicy = ResponsePolicy::None;
  std::vector<CommandSpec> subcommands;

  Handling handling = Handling::Never;
  // Handling::Session only if this argument is present (XREAD … BLOCK): else as a keyed command. Where it may
  // stand is not obvious (a key may be called so too): ask hasSessionKeyword() of key_extraction.h.
  std::string sessionKeyword;
  SessionRole role = SessionRole::None;
  BlockTimeout blockTimeout;
  // Scripts: which argument is the script's text (EVAL, SCRIPT LOAD) or its SHA1 (EVALSHA); 0: none.
  int scriptText = 0;
  int scriptSha = 0;
  bool forgetsScripts = false;  // SCRIPT FLUSH
  bool loadsLibrary = false;    // FUNCTION LOAD: the code is its last argument
  bool showsScripts = false;    // FUNCTION LIST: its reply shows them
  // May the proxy send it again when the connection was lost after sending? Only for what cannot write.
  bool retryAfterLoss = false;
  // Waits for all earlier replies of the client (PUBLISH, fan-out, script loading).
  bool barrier = false;
  // The common case, decided once: argv[singleKey] is the only key. 0: use keyPositions().
  int singleKey = 0;
  // One key, sent to the slot's owner, and nothing else about it to look at: most commands of most clients.
  bool plain = false;
  KeyProcedure keyProcedure = KeyProcedure::BySpecs;
  // AnyNode, but always the same one: the owner of the slot of argv[hashedArgument], which is no key
  // (PUBLISH: the channel). 0: none.
  int hashedArgument = 0;
  ReplyNames replyNames = ReplyNames::None;
  WholeDatabase wholeDatabase = WholeDatabase::None;
  Transfer transfer = Transfer::None;
  OtherDatabase otherDatabase = OtherDatabase::None;
  ChannelUse channelUse = ChannelUse::None;
  bool emptiesAllDatabases = false;  // FLUSHALL
  // Some node carries it out for a slot that is not its own (see cluster/unchecked_slots.h): it goes out
  // behind a command about the same keys that is refused there.
  bool slotUnchecked = false;
  bool namesKeysByPattern = false;  // SORT: BY and GET
  // For all nodes, and yet those that cannot be reached are not missed.
  bool forgoesAbsent = false;
  // The name's small number, the same in all tables (see CommandIds); indexes counters. Subcommands have
  // their own.
  std::uint16_t id = 0;

  // About the cluster itself, of which clients are to see nothing.
  bool aboutCluster() const noexcept { return group == "cluster"; }
  bool has(CommandFlag flag) const noexcept { return (flags & flag) != 0; }
  bool in(CommandCategory category) const noexcept { return (categories & category) != 0; }
  bool arityFits(std::size_t argc) const noexcept {
    return arity >= 0 ? argc == static_cast<std::size_t>(arity) : argc >= static_cast<std::size_t>(-arity);
  }
};

}  // namespace slotless::protocol
