// Which page of the admin server answers a request, and with what: no sockets here.
#pragma once
#include <string>
#include <string_view>

#include "proxy/telemetry/admin_http.h"

namespace slotless::telemetry {

struct AdminResponse {
  int status;
  std::string_view contentType;
  std::string body;
};

// `path` without the query. A page that throws is a 500, for no exception may pass through civetweb.
AdminResponse respondTo(const AdminPages& pages, std::string_view method, std::string_view path) noexcept;
// Head and body as sent; the head alone for HEAD.
std::string httpText(const AdminResponse& response, std::string_view method);

}  // namespace slotless::telemetry
