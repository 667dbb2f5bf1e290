#include "proxy/trace/otlp.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "proxy/observe/request_trace.h"
#include "proxy/observe/trace_context.h"
#include "proxy/trace/protobuf.h"

namespace slotless::trace {

using observe::RequestTrace;
using observe::SpanId;
using observe::TraceStage;

namespace {

// The numbers of the fields, by the messages of opentelemetry-proto 1.x.
namespace fields {
constexpr std::uint32_t kRequestResourceSpans = 1;
constexpr std::uint32_t kResourceSpansResource = 1;
constexpr std::uint32_t kResourceSpansScopeSpans = 2;
constexpr std::uint32_t kResourceAttributes = 1;
constexpr std::uint32_t kScopeSpansScope = 1;
constexpr std::uint32_t kScopeSpansSpans = 2;
constexpr std::uint32_t kScopeName = 1;
constexpr std::uint32_t kScopeVersion = 2;
constexpr std::uint32_t kSpanTraceId = 1;
constexpr std::uint32_t kSpanId = 2;
constexpr std::uint32_t kSpanParentSpanId = 4;
constexpr std::uint32_t kSpanName = 5;
constexpr std::uint32_t kSpanKind = 6;
constexpr std::uint32_t kSpanStart = 7;
constexpr std::uint32_t kSpanEnd = 8;
constexpr std::uint32_t kSpanAttributes = 9;
constexpr std::uint32_t kSpanStatus = 15;
constexpr std::uint32_t kSpanFlags = 16;
constexpr std::uint32_t kStatusCode = 3;
constexpr std::uint32_t kAttributeKey = 1;
constexpr std::uint32_t kAttributeValue = 2;
constexpr std::uint32_t kValueString = 1;
constexpr std::uint32_t kValueInt = 3;
constexpr std::uint32_t kResponsePartialSuccess = 1;
constexpr std::uint32_t kPartialSuccessRejected = 1;
constexpr std::uint32_t kPartialSuccessMessage = 2;
}  // namespace fields

enum class SpanKind : std::uint8_t { Internal = 1, Server = 2, Client = 3 };
constexpr std::uint64_t kStatusError = 2;
// SpanFlags: W3C's sampled, and whether the parent is another process's is known, and so.
constexpr std::uint32_t kSampled = 0x01;
constexpr std::uint32_t kHasIsRemote = 0x100;
constexpr std::uint32_t kIsRemote = 0x200;
constexpr std::string_view kOtherError = "_OTHER";  // the conventions' word
constexpr std::size_t kLongestMessage = 200;

template <std::size_t N>
std::string_view textOf(const std::array<std::uint8_t, N>& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// Of a resource or a span.
class Attributes {
 public:
  Attributes(ProtobufWriter& writer, std::uint32_t field) noexcept : writer_(writer), field_(field) {}

  void text(std::string_view key, std::string_view value) const {
    add(key, [value](ProtobufWriter& writer) { writer.bytes(fields::kValueString, value); });
  }
  void number(std::string_view key, std::uint64_t value) const {
    add(key, [value](ProtobufWriter& writer) { writer.varint(fields::kValueInt, value); });
  }
  // Nothing where there is no host.
  void address(std::string_view addressKey, std::string_view portKey, const net::Address& address) const {
    if (address.host.empty()) return;
    text(addressKey, address.host);
    if (address.port != 0) number(portKey, address.port);
  }

 private:
  template <typename Value>
  void add(std::string_view key, const Value& value) const {
    writer_.message(field_, [&](ProtobufWriter& attribute) {
      attribute.bytes(fields::kAttributeKey, key);
      attribute.message(fields::kAttributeValue, value);
    });
  }

  ProtobufWriter& writer_;
  const std::uint32_t field_;
};

// "unsent, large" -> "unsent_large".
std::string oneWord(std::string_view words) {
  std::string word;
  for (const char c : words) {
    if (c == ',') continue;
    word += c == ' ' ? '_' : c;
  }
  return word;
}

std::uint64_t unixNanos(const RequestTrace& trace, net::TimePoint time) {
  const auto own = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(own + trace.clockOffset);
}

struct Span {
  SpanId id;
  std::optional<SpanId> parent;
  bool hasRemoteParent;
  std::string_view name;
  SpanKind kind;
  net::TimePoint begun;
  net::TimePoint ended;
};

void writeHead(ProtobufWriter& writer, const RequestTrace& trace, const Span& span) {
  writer.bytes(fields::kSpanTraceId, textOf(trace.trace));
  writer.bytes(fields::kSpanId, textOf(span.id));
  if (span.parent) writer.bytes(fields::kSpanParentSpanId, textOf(*span.parent));
  writer.bytes(fields::kSpanName, span.name);
  writer.varint(fields::kSpanKind, static_cast<std::uint64_t>(span.kind));
  writer.fixed64(fields::kSpanStart, unixNanos(trace, span.begun));
  writer.fixed64(fields::kSpanEnd, unixNanos(trace, span.ended));
  writer.fixed32(fields::kSpanFlags, kSampled | kHasIsRemote | (span.hasRemoteParent ? kIsRemote : 0));
}

void writeOperation(const Attributes& attributes, const RequestTrace& trace) {
  attributes.text("db.system.name", "redis");
  attributes.text("db.operation.name", trace.command);
  attributes.text("db.namespace", std::to_string(trace.database));
}

// `why`: what is no reply of a node; `code`: of its error.
void writeFailure(ProtobufWriter& writer, const Attributes& attributes, std::string_view why,
                  std::string_view code) {
  if (!code.empty()) attributes.text("db.response.status_code", code);
  if (!code.empty()) {
    attributes.text("error.type", code);
  } else {
    attributes.text("error.type", why.empty() ? std::string(kOtherError) : oneWord(why));
  }
  writer.message(fields::kSpanStatus,
                 [](ProtobufWriter& status) { status.varint(fields::kStatusCode, kStatusError); });
}

// The only node that it has to do with.
const net::Address* onlyNode(const RequestTrace& trace) {
  const net::Address* only = nullptr;
  for (const TraceStage& stage : trace.stages) {
    if (stage.kind != TraceStage::Kind::Node) continue;
    if (only != nullptr && *only != stage.node) return nullptr;
    only = &stage.node;
  }
  return only;
}

void writeRequest(ProtobufWriter& writer, const RequestTrace& trace) {
  writeHead(writer, trace,
            {trace.span, trace.parent, trace.parent.has_value(), trace.command, SpanKind::Server, trace.begun,
             trace.ended});
  const Attributes attributes(writer, fields::kSpanAttributes);
  writeOperation(attributes, trace);
  if (trace.commands > 1) attributes.number("db.operation.batch.size", trace.commands);
  attributes.address("client.address", "client.port", trace.clientAddress);
  if (const net::Address* node = onlyNode(trace)) attributes.address("server.address", "server.port", *node);
  if (trace.stagesLeftOut > 0) attributes.number("slotless.stages_left_out", trace.stagesLeftOut);
  if (trace.failed) writeFailure(writer, attributes, trace.why, trace.code);
}

void writeStage(ProtobufWriter& writer, const RequestTrace& trace, const TraceStage& stage) {
  const bool isHeld = stage.kind == TraceStage::Kind::Held;
  writeHead(
      writer, trace,
      {observe::newSpanId(), trace.span, false, isHeld ? std::string_view("held") : trace.command,
       isHeld ? SpanKind::Internal : SpanKind::Client, stage.begun, std::max(stage.begun, stage.ended)});
  const Attributes attributes(writer, fields::kSpanAttributes);
  if (isHeld) return attributes.text("slotless.held.reason", oneWord(stage.why));
  writeOperation(attributes, trace);
  attributes.address("server.address", "server.port", stage.node);
  attributes.address("network.peer.address", "network.peer.port", stage.peer);
  if (stage.failed) writeFailure(writer, attributes, stage.why, stage.code);
}

void writeResource(ProtobufWriter& writer, const Resource& resource) {
  const Attributes attributes(writer, fields::kResourceAttributes);
  if (!resource.serviceName.empty()) attributes.text("service.name", resource.serviceName);
  attributes.text("service.version", resource.serviceVersion);
  attributes.text("service.instance.id", resource.instanceId);
  if (!resource.hostName.empty()) attributes.text("host.name", resource.hostName);
  attributes.number("process.pid", resource.processId);
}

void writeScopeSpans(ProtobufWriter& writer, const Resource& resource,
                     const std::vector<observe::RequestTracePtr>& traces) {
  writer.message(fields::kScopeSpansScope, [&](ProtobufWriter& scope) {
    scope.bytes(fields::kScopeName, "slotless");
    scope.bytes(fields::kScopeVersion, resource.serviceVersion);
  });
  for (const observe::RequestTracePtr& trace : traces) {
    writer.message(fields::kScopeSpansSpans, [&](ProtobufWriter& span) { writeRequest(span, *trace); });
    for (const TraceStage& stage : trace->stages)
      writer.message(fields::kScopeSpansSpans,
                     [&](ProtobufWriter& span) { writeStage(span, *trace, stage); });
  }
}

void readPartialSuccess(std::string_view bytes, PartialSuccess& partial) {
  while (const auto field = takeField(bytes)) {
    if (field->number == fields::kPartialSuccessRejected && field->type == WireType::Varint)
      partial.rejectedSpans = field->value;
    if (field->number == fields::kPartialSuccessMessage && field->type == WireType::Bytes)
      partial.message = field->bytes.substr(0, kLongestMessage);
  }
}

}  // namespace

std::string encodeTraces(const Resource& resource, const std::vector<observe::RequestTracePtr>& traces) {
  std::string out;
  ProtobufWriter request(out);
  request.message(fields::kRequestResourceSpans, [&](ProtobufWriter& resourceSpans) {
    resourceSpans.message(fields::kResourceSpansResource,
                          [&](ProtobufWriter& writer) { writeResource(writer, resource); });
    resourceSpans.message(fields::kResourceSpansScopeSpans,
                          [&](ProtobufWriter& writer) { writeScopeSpans(writer, resource, traces); });
  });
  return out;
}

PartialSuccess decodeResponse(std::string_view body) {
  PartialSuccess partial;
  while (const auto field = takeField(body)) {
    if (field->number == fields::kResponsePartialSuccess && field->type == WireType::Bytes)
      readPartialSuccess(field->bytes, partial);
  }
  return partial;
}

}  // namespace slotless::trace
