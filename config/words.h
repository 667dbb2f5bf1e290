// The words of each choice, in the order of its enumerators, and those that stand for a special value.
#pragma once

#include <array>
#include <string_view>

#include "config/config.h"

namespace slotless::config {

inline constexpr std::string_view kAuto = "auto";
inline constexpr std::string_view kOff = "off";

template <class Enum>
struct Words;

template <>
struct Words<DatabaseLayout> {
  static constexpr std::array<std::string_view, 5> kAll{"spread", "pinned", "denied", "grouped", "native"};
};
template <>
struct Words<Upstream> {
  static constexpr std::array<std::string_view, 3> kAll{"cluster", "single", "migrating"};
};
template <>
struct Words<ClientAuth> {
  static constexpr std::array<std::string_view, 3> kAll{"same", "none", "passthrough"};
};
template <>
struct Words<CrossSlot> {
  static constexpr std::array<std::string_view, 2> kAll{"emulate", "error"};
};
template <>
struct Words<CrossSlotTransactions> {
  static constexpr std::array<std::string_view, 2> kAll{"error", "each"};
};
template <>
struct Words<ScriptBusy> {
  static constexpr std::array<std::string_view, 2> kAll{"node", "all"};
};
template <>
struct Words<ReadFrom> {
  static constexpr std::array<std::string_view, 3> kAll{"master", "prefer-replica", "replica"};
};
template <>
struct Words<BlockingOnLostLink> {
  static constexpr std::array<std::string_view, 2> kAll{"error", "reblock"};
};
template <>
struct Words<WriteOnLostLink> {
  static constexpr std::array<std::string_view, 2> kAll{"error", "close"};
};
template <>
struct Words<ReadyWhen> {
  static constexpr std::array<std::string_view, 2> kAll{"all", "any"};
};
template <>
struct Words<ClusterTlsVerify> {
  static constexpr std::array<std::string_view, 3> kAll{"name", "ca", "off"};
};
template <>
struct Words<TlsAuthClients> {
  static constexpr std::array<std::string_view, 3> kAll{"no", "optional", "yes"};
};
template <>
struct Words<CertificateUser> {
  static constexpr std::array<std::string_view, 3> kAll{"off", "CN", "URI"};
};
template <>
struct Words<LimitAction> {
  static constexpr std::array<std::string_view, 2> kAll{"delay", "error"};
};
template <>
struct Words<LogLevel> {
  static constexpr std::array<std::string_view, 5> kAll{"trace", "debug", "info", "warn", "error"};
};
template <>
struct Words<LogFormat> {
  static constexpr std::array<std::string_view, 2> kAll{"text", "json"};
};

}  // namespace slotless::config
