// Webhooks that convert custom resources, as CustomResourceDefinitions name them.
//
//   auto converter = conversions.Of(definition);                 // With each version of it.
//   const auto documents = converter->Convert(stored, "example.com/v2");   // Waits.
#pragma once

#include <string_view>

#include "api/crd/custom_kind.h"
#include "api/values.h"
#include "apiserver/webhooks/caller.h"
#include "apiserver/webhooks/conversion_review.h"
#include "base/id.h"
#include "base/metrics.h"

namespace skiff {

// So much is asked for at once; what is more is asked for one after the other.
inline constexpr size_t kConversionObjectsMax = 500;
inline constexpr size_t kConversionBytesMax = 2 << 20;
inline constexpr std::chrono::seconds kConversionTimeout{30};

// Thread-safe. Outlives the converters that it made.
class Conversions {
 public:
  Conversions(WebhookCaller& caller, Random& random, MetricRegistry& metrics);
  crd::ConverterPtr Of(const Json& definition);

  // For converters: what one call took, and what came of it.
  struct Counted {
    std::string_view definition;  // By name.
    std::string_view from;        // "v1": the version of the first object,
    std::string_view to;          // and what it was to become.
    double seconds = 0;
    std::string_view fault;  // "" for an answer.
  };
  void Count(const Counted& counted);

 private:
  WebhookCaller& caller_;
  Random& random_;
  CounterFamily& requests_;
  HistogramFamily& seconds_;
  HistogramFamily& definition_seconds_;
};

}  // namespace skiff
