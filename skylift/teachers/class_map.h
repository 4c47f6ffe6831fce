// Which of a teacher's classes say something of the student's, by name.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace skylift {

struct ClassMap {
  std::vector<std::vector<int64_t>> sources;  ///< of each of the student's classes the teacher's that stand for it
  std::vector<int64_t> known;                 ///< the student's classes that have any
};

/// `pairs`: "FROM=TO", a class of the teacher that is the student's TO, or nobody's ("FROM="); the others meet by the
/// same name. Says what is left out on both sides; `teacher` is for the messages.
/// Error: a name that the teacher or the student does not have, no class in common.
ClassMap make_class_map(const std::vector<std::string>& theirs, const std::vector<std::string>& ours,
                        const std::vector<std::string>& pairs, const std::string& teacher);

/// [B,C',H,W] the teacher's scores -> [B,C,H,W] of the student's classes: the largest of each class's sources, 0 where
/// there is none.
at::Tensor mapped_scores(const at::Tensor& scores, const ClassMap& map);

/// `known` for DenseOutput::known_classes: undefined where it is all of them.
at::Tensor known_classes(const ClassMap& map);

}  // namespace skylift
