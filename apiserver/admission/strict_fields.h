// Fields of a configuration file, none of which may be unknown or of another type than it has.
//
//   StrictFaults faults;
//   const StrictFields all(document, "", {"kind", "apiVersion", "defaults"}, faults);
//   const std::string level = all.Object("defaults", {"enforce"}).Text("enforce");
//   TRY(faults.Check());
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// What is wrong with a document, in the order in which it was found.
class StrictFaults {
 public:
  void UnknownField(const std::string& path);
  void WrongType(const std::string& path, const Json& value, std::string_view wanted);
  // Invalid: `strict decoding error: unknown field "a.b"`.
  Result<> Check() const;

 private:
  std::string wrong_type_;  // The first.
  std::vector<std::string> unknown_;
};

// One object of a document; what is missing is empty. Lives no longer than both.
class StrictFields {
 public:
  // `path` is where it is: "" or "defaults". A null, or what is no object, has no fields.
  StrictFields(const Json& object, std::string path, const std::vector<std::string>& known,
               StrictFaults& faults);

  std::string Text(const std::string& field) const;
  std::vector<std::string> List(const std::string& field) const;
  StrictFields Object(const std::string& field, const std::vector<std::string>& known) const;
  // Each an object.
  std::vector<StrictFields> Objects(const std::string& field,
                                    const std::vector<std::string>& known) const;
  // nullptr: not there, or null.
  const Json* Find(const std::string& field) const;

 private:
  std::string PathOf(const std::string& field) const;

  const Json* object_;
  std::string path_;
  StrictFaults* faults_;
};

}  // namespace skiff
