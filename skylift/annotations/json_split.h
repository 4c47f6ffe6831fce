// Cuts a large JSON document into its top-level members and their elements without parsing these: one pass over the
// bytes, no copy. The pieces are then parsed one by one (json_record.h), on several threads, in little memory, and a
// bad one does not hide the others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace skylift {

struct JsonMember {
  std::string key;                         ///< as written between the quotes; empty for a document that is a list
  std::string_view text;                   ///< the value
  bool is_list = false;                    ///< the value is a list; then:
  std::vector<std::string_view> elements;  ///< its elements' texts
};

/// The members of a document that is an object, or one member without a key for a list. Error: brackets, quotes, commas
/// or colons are not where JSON has them; what is inside the elements is not looked at otherwise.
std::vector<JsonMember> split_json(std::string_view document, const std::filesystem::path& path);

}  // namespace skylift
