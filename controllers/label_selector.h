// Which labels a selector picks. Pure.
#pragma once

#include <map>
#include <string>

#include "api/gen/meta_v1.h"

namespace skiff {

using Labels = std::map<std::string, std::string>;

// A selector without requirements picks everything. Unknown operators pick nothing: validation
// refuses them.
bool Matches(const meta_v1::LabelSelector& selector, const Labels& labels);
// Whether `labels` has all of `wanted`.
bool HasAll(const Labels& labels, const Labels& wanted);
bool IsEmpty(const meta_v1::LabelSelector& selector);
// "a=b,c in (d,e)": the text form, for list requests.
std::string SelectorText(const meta_v1::LabelSelector& selector);

}  // namespace skiff
