#include "proxy/emulation/cross_slot_table.h"

#include <array>

namespace slotless::session {

namespace {

struct Row {
  CrossSlotKind kind;
  std::string_view name;
  std::string_view commands;
  std::string_view carriedOut;
  std::string_view lost;
};

constexpr std::array kRows = {
    Row{CrossSlotKind::Read, "read", "`MGET` `EXISTS` `TOUCH`, `JSON.MGET`", "one part per slot, in parallel",
        "the values need not be from one moment"},
    Row{CrossSlotKind::Split, "split", "`MSET` `DEL` `UNLINK`, `JSON.MSET`", "one part per slot, in parallel",
        "atomicity; if a part fails, the reply is its error and other parts may have been done"},
    Row{CrossSlotKind::Sorted, "sorted",
        "`SORT` and `SORT_RO` with `BY` or `GET` patterns, `SORT … STORE` into another slot",
        "step by step; what is stored is stored in one piece",
        "one moment for the elements and for what the patterns name; texts are compared byte by byte; at "
        "most 100,000 look-ups"},
    Row{CrossSlotKind::Computed, "computed",
        "what reads several keys: `SUNION` `SINTER` `SDIFF` `SINTERCARD` `ZUNION` `ZINTER` `ZDIFF` "
        "`ZINTERCARD` `PFCOUNT` `LCS`, modules' own",
        "in the slot of most of the keys: the values of the others are fetched (`DUMP`), and restored, used "
        "and deleted there in one transaction",
        "the values need not be from one moment"},
    Row{CrossSlotKind::Stored, "stored",
        "what writes one key from several: `S…STORE` `Z…STORE` `PFMERGE` `BITOP` `GEOSEARCHSTORE` "
        "`GEORADIUS` and `GEORADIUSBYMEMBER` with `STORE`, `ZRANGESTORE`, modules' own",
        "in the slot of the key that is written, by a script that restores, uses and deletes the values of "
        "the others",
        "the values need not be from one moment; what is written, is written at one"},
    Row{CrossSlotKind::Copied, "copied", "`COPY` into another slot", "read, then restored",
        "one moment for both; not in a transaction"},
    Row{CrossSlotKind::Renamed, "renamed", "`RENAME` `RENAMENX` into another slot",
        "copied, then deleted where it was, if it is still the same; else copied again, up to ten times. Gone by then: `RENAMENX` takes the copy back",
        "in between the key is there under both names; a lost connection or a proxy that dies may leave it so, and so does somebody else's `DEL` or pop under a `RENAME`, or another proxy's"},
    Row{CrossSlotKind::Moved, "moved", "`SMOVE` `LMOVE` `RPOPLPUSH` into another slot",
        "added, then removed where it was; if it was gone by then, it is taken back, and of a list the next "
        "element has its turn",
        "in between the element is at both places, and is there twice if two clients take it from them; a "
        "lost connection or a proxy that dies may leave it so. Sets: clients of different proxies that move the "
        "same member at the same moment between different pairs of sets may lose it"},
    Row{CrossSlotKind::First, "first", "`LMPOP` `ZMPOP`",
        "one slot after the other, from left to right, until one gives something",
        "an element that an earlier key gets meanwhile is not seen"},
    Row{CrossSlotKind::AllOrNone, "all-or-none", "`MSETNX`; `MSETEX` of Redis 8.4 and Valkey 9.1",
        "whether the keys are there is asked first; with `NX` one slot is set, and then the others; if a key "
        "has come meanwhile, what was set is deleted again, if it is still the same. Without a condition one "
        "part per slot, in parallel",
        "atomicity: others see some of the values before the rest, and those that are taken back. Of two "
        "that want some of the same keys both may get 0. With `XX` a key that goes meanwhile leaves the "
        "others set. A lost connection or a proxy that dies may leave a part"},
    Row{CrossSlotKind::Streams, "streams", "`XREAD` `XREADGROUP` over several streams",
        "one part per slot, in parallel. For a group all streams are asked first whether they have it",
        "one moment for all streams; if a stream's group goes meanwhile, the entries of the others are the "
        "reply"},
    Row{CrossSlotKind::Waits, "waits",
        "`BLPOP` `BRPOP` `BLMPOP` `BZPOPMIN` `BZPOPMAX` `BZMPOP` `BLMOVE` `BRPOPLPUSH`, `XREAD` and "
        "`XREADGROUP` with `BLOCK`",
        "[asked when a node tells](#waiting-in-several-slots) that a key has changed, until there is "
        "something: one key gives it, the first from the left that has something when it is asked. The "
        "client of this process that has waited longest is served first",
        "clients of another proxy, or of a node itself, may be served before; `BLMOVE` and `BRPOPLPUSH` as "
        "`LMOVE`"},
    Row{CrossSlotKind::Groups, "groups",
        "`MULTI … EXEC` with `cross-slot-transactions each`, for all clients or for those of a listener "
        "(`?cross-slot-transactions=each`)",
        "one atomic group for each slot, in the order in which their first commands came; the next begins "
        "when the one before it is over. A command that is refused when it is queued aborts all",
        "one moment for all; if a node refuses or loses a group, each of its commands has that error in its "
        "place, and the others are carried out. `WATCH` wants one slot"},
    Row{CrossSlotKind::EachNode, "each-node", "`KEYS` `SCAN` `DBSIZE` `FLUSHALL` …", "on every master",
        "one moment for all"},
    Row{CrossSlotKind::Refused, "refused", "scripts and functions, other transactions, and all others",
        "not at all: `CROSSSLOT`", ""},
};

consteval bool rowsAreInOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(rowsAreInOrder());

}  // namespace

std::string_view nameOf(CrossSlotKind kind) noexcept {
  return kRows[static_cast<std::size_t>(kind)].name;
}

std::string crossSlotTable() {
  std::string table = "| command | carried out | what is lost |\n|---|---|---|\n";
  for (const Row& row : kRows) {
    table += "| ";
    table += row.commands;
    table += " | ";
    table += row.carriedOut;
    table += " | ";
    table += row.lost;
    table += row.lost.empty() ? "|\n" : " |\n";
  }
  return table;
}

}  // namespace slotless::session
