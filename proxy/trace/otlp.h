// Traces as OTLP has them (opentelemetry/proto/collector/trace/v1), named by the semantic conventions for
// databases and Redis: https://opentelemetry.io/docs/specs/semconv/db/redis/. A request is a span of kind
// SERVER; each leg to a node is one of kind CLIENT in it, and each time that a leg was held one of kind
// INTERNAL.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/trace_queue.h"

namespace slotless::trace {

// Who sends.
struct Resource {
  std::string serviceName;
  std::string serviceVersion;
  std::string instanceId;
  std::string hostName;
  std::uint64_t processId = 0;

  bool operator==(const Resource&) const = default;
};

// An ExportTraceServiceRequest.
std::string encodeTraces(const Resource& resource, const std::vector<observe::RequestTracePtr>& traces);

// What a collector says of a batch that it has taken, perhaps only in part.
struct PartialSuccess {
  std::uint64_t rejectedSpans = 0;
  std::string message;
};

// Of an ExportTraceServiceResponse. What cannot be read says nothing.
PartialSuccess decodeResponse(std::string_view body);

}  // namespace slotless::trace
