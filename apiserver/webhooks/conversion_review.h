// The conversation with a webhook that converts custom resources: ConversionReviews of
// apiextensions.k8s.io/v1 and v1beta1. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// An object in another version may be as large as what a request brings, of which it would be
// written.
inline constexpr size_t kConvertedBytesMax = 3 << 20;

// What was asked, and what the answer is held against.
struct ConversionQuestion {
  std::string_view version;  // Of the review: "v1", "v1beta1".
  std::string_view uid;
  std::string_view api_version;      // What the objects are to become.
  const std::vector<Json>& objects;  // At least one, all of one kind.
  size_t shed_bytes = 0;             // What they took that ShedContents has let go of.
};

// Why a conversion came to nothing: what the client is told, and under what it is counted.
struct ConversionFault {
  std::string_view type;  // "conversion_webhook_call_failure", ...
  std::string text;
};
inline constexpr std::string_view kConversionCallFailure = "conversion_webhook_call_failure";

// The review that is sent. Objects are shown as they are stored: without a resourceVersion.
std::string ConversionText(const ConversionQuestion& question);

// Leaves of objects that were sent what an answer is held against: what they are, and their
// metadata. They may be waited for with many others, and take many times their text. Returns how
// many bytes they held beside that.
size_t ShedContents(std::vector<Json>& objects);

// The objects of an answer, in the order in which they were asked for. Whatever the webhook says,
// they keep their kind, their name and all metadata but labels and annotations.
tl::expected<std::vector<Json>, ConversionFault> ReadConversion(
    std::string_view body, const ConversionQuestion& question);

// "conversion webhook for example.com/v1, Kind=Cron failed: ..."
std::string ConversionFailed(const ConversionQuestion& question, std::string_view why);

}  // namespace skiff
