// The forms in which the documents of metrics.k8s.io/v1beta1 are to be had, as from a metrics
// server: JSON, YAML, protobuf, and a Table in JSON. Pure.
#pragma once

#include "api/codec/json.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff::metrics {

// A document of NodeMetrics, PodMetrics, or a list of such, in the form that the Accept header
// wants most of those that there are. Fails with NotAcceptable.
Result<http::Response> EncodedAnswer(const http::Request& request, const Json& document,
                                     TimePoint now);

}  // namespace skiff::metrics
