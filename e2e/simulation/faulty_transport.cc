#include "e2e/simulation/faulty_transport.h"

namespace skiff {

http::Response FaultyTransport::Unreachable() {
  http::Response response;
  response.status = 503;
  response.content_type = "application/json";
  response.body =
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
      R"("message":"connection reset by peer","reason":"ServiceUnavailable","code":503})";
  return response;
}

http::Response FaultyTransport::Send(http::Request request) {
  const bool strikes = loss_rate_ > 0 && random_.Fraction() < loss_rate_;
  const bool lose_request = strikes && random_.Below(2) == 0;
  if (lose_request) {
    ++lost_;
    return Unreachable();
  }
  http::Response response = below_.Send(std::move(request));
  if (!strikes) return response;
  ++lost_;
  return Unreachable();
}

}  // namespace skiff
