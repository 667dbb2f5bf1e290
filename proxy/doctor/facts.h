// What is known of a cluster, of its nodes and of this machine at one moment: plain values, gathered once
// (gather.h) and then judged (checks.h).
//
// Times are in the unit of their names. Texts of INFO and CONFIG are as the servers say them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "protocol/slot.h"
#include "proxy/net/address/address.h"

namespace slotless::doctor {

struct SlotRun {
  protocol::Slot first = 0;
  protocol::Slot last = 0;

  bool operator==(const SlotRun&) const = default;
};

// A slot on its way, as one of its two nodes sees it.
struct OpenSlot {
  protocol::Slot slot = 0;
  bool importing = false;  // else it leaves
  std::string other;       // id of the node at the other end

  bool operator==(const OpenSlot&) const = default;
};

// A line of CLUSTER NODES: what one node says of another, or of itself.
struct Peer {
  std::string id;
  net::Address address;  // as announced; an empty host: not known
  std::uint16_t busPort = 0;
  std::string hostname;
  bool myself = false;
  bool master = false;
  bool failed = false;     // agreed on by the majority
  bool suspected = false;  // "fail?": only this node finds so
  bool handshake = false;
  bool linkUp = false;
  std::string masterId;                 // empty: a master
  std::int64_t pingSentUnixMillis = 0;  // 0: none is waited for
  std::uint64_t epoch = 0;
  std::vector<SlotRun> slots;
  std::vector<OpenSlot> open;  // only in its own line
};

// What became of the attempt to speak with a node.
enum class Contact : std::uint8_t {
  Good,
  NoSuchName,
  NoConnection,  // refused, or no way there
  NoAnswer,      // there is a connection, and nothing comes, or it is closed
  NoTls,         // the handshake failed
  LoginRefused,
  LoginMissing,   // it wants a password, and none is set
  LoginUnwanted,  // a password is set, and it wants none
  Busy,           // a script or a function runs
  Loading,
  NoCluster,     // a server, but not of a cluster
  OfCluster,     // a node of a cluster, where one server is wanted
  OtherCluster,  // a node of a cluster, but not of this one
  WantsTls,      // it speaks TLS, and is asked without
  Sentinel,      // which looks after servers, and is none
  NoServer,      // something else: neither Redis nor Valkey
  Odd,           // none of these: Node::problem tells
};

enum class Port : std::uint8_t { NotTried, Open, Closed };

struct Denied {
  std::string command;
  std::string error;
  std::string without;  // what will not work
  bool needed = false;  // nothing works without it
};

struct SizedKey {
  std::string key;
  std::uint64_t bytes = 0;
};

struct HotKey {
  std::string key;
  std::uint64_t frequency = 0;  // OBJECT FREQ, which is logarithmic: 255 at most
};

// Of some of a node's keys.
struct KeySample {
  std::uint64_t looked = 0;
  std::vector<SizedKey> largest;  // the largest first
  std::vector<HotKey> hottest;    // only where the eviction policy counts how often keys are used
  // Names that belong to no database as the databases are laid out now.
  std::uint64_t strangers = 0;
  std::vector<std::string> strangerExamples;
};

using Texts = std::map<std::string, std::string, std::less<>>;

// What a sentinel looks after.
struct Watched {
  std::string name;
  net::Address master;
};

struct Node {
  std::string id;          // empty: not known
  net::Address announced;  // by the cluster; the same as `dialled` for a seed that nobody knows
  net::Address dialled;    // by address-map
  bool seed = false;       // named in cluster-nodes
  Contact contact = Contact::NoAnswer;
  std::string problem;  // in words, where the contact is not good
  // At `announced`, where that is not what was dialled; nullopt: it is.
  std::optional<Contact> announcedContact;
  Port bus = Port::NotTried;
  std::uint16_t busPort = 0;
  // Empty, where they were denied or there is no contact.
  Texts info;
  Texts settings;
  Texts cluster;  // CLUSTER INFO
  std::vector<Peer> peers;
  std::vector<std::int64_t> pingMicros;
  std::optional<std::int64_t> clockAheadMillis;  // of this machine's
  std::int64_t clockDoubtMillis = 0;             // by so much it may be wrong
  std::vector<Denied> denied;
  KeySample keys;
  std::vector<Watched> watched;  // of a sentinel

  bool good() const noexcept { return contact == Contact::Good; }
  // Its own line; nullptr: not known.
  const Peer* self() const noexcept;
  // As the node itself says.
  bool isMaster() const noexcept;
  // As a number; nullopt: not told, or no number.
  std::optional<std::int64_t> number(const Texts& texts, std::string_view name) const;
  std::string_view text(const Texts& texts, std::string_view name) const;
  std::string shown() const { return dialled.text(); }
};

// A host by name, of cluster-nodes or announced.
struct UnknownName {
  std::string name;
  std::string error;
  bool seed = false;
};

// What of this machine matters to the proxy, and to nodes that run here.
struct Machine {
  std::optional<std::uint64_t> mostBacklog;     // net.core.somaxconn
  std::optional<std::uint64_t> overcommit;      // vm.overcommit_memory
  std::optional<std::uint64_t> descriptors;     // as many as this process may have
  std::optional<std::uint64_t> clientsThatFit;  // in them
  bool nodesRunHere = false;
};

struct Facts {
  config::Config config;
  std::vector<Node> nodes;
  std::vector<UnknownName> unknownNames;
  Machine machine;
  // With sentinel-name: whom `server` names, and what each knows by that name.
  std::vector<Node> sentinels;

  // Of the nodes that answer: the line of `id` with the highest epoch; its own comes first.
  const Peer* find(std::string_view id) const;
  const Node* node(std::string_view id) const;
  // The address by which people know it; the id where there is none.
  std::string name(std::string_view id) const;
  bool anySlots() const;
  std::size_t answered() const;
};

// Lines that make no sense are left out.
std::vector<Peer> parsePeers(std::string_view clusterNodes);
// "name:value" a line, as INFO has it.
Texts parseLines(std::string_view text);

// "0-5,7": at most `most` runs, and then "…".
std::string shownRuns(const std::vector<SlotRun>& runs, std::size_t most = 8);

}  // namespace slotless::doctor
