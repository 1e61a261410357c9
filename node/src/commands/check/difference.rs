//! Two versions of a text as people compare them: lines taken out and put in, with some around them.
//!
//! The longest common subsequence of the lines between what both begin and end with, by the usual table.

use std::fmt::Write as _;

/// Lines around a change that are shown.
const AROUND: usize = 3;

/// Above this many pairs of lines all between the first and the last change is shown as changed.
const TABLE_MAX: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Out(&'t str),
    In(&'t str),
}

/// The difference in the unified format; empty where there is none.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let lines = lines(&old, &new);
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = (at..lines.len()).find(|at| !matches!(lines[*at], Line::Same(_))) {
        let last = end_of_hunk(&lines, first);
        let start = first.saturating_sub(AROUND).max(at);
        let end = (last + 1 + AROUND).min(lines.len());
        if out.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "--- {name}\n+++ {name}\n");
        }
        hunk(&lines, start, end, &mut out);
        at = end;
    }
    out
}

/// The last change that is shown together with a first one.
fn end_of_hunk(lines: &[Line<'_>], first: usize) -> usize {
    let mut last = first;
    for (at, line) in lines.iter().enumerate().skip(first) {
        if !matches!(line, Line::Same(_)) {
            last = at;
        } else if at - last > 2 * AROUND {
            break;
        }
    }
    last
}

fn hunk(lines: &[Line<'_>], start: usize, end: usize, out: &mut String) {
    let olds = |range: &[Line<'_>]| {
        range
            .iter()
            .filter(|line| !matches!(line, Line::In(_)))
            .count()
    };
    let news = |range: &[Line<'_>]| {
        range
            .iter()
            .filter(|line| !matches!(line, Line::Out(_)))
            .count()
    };
    let (before, own) = (&lines[..start], &lines[start..end]);
    let from = |count: usize, lines: usize| if lines == 0 { count } else { count + 1 };
    let _ = writeln!(
        out,
        "@@ -{},{} +{},{} @@",
        from(olds(before), olds(own)),
        olds(own),
        from(news(before), news(own)),
        news(own)
    );
    for line in own {
        let (sign, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Out(text) => ('-', text),
            Line::In(text) => ('+', text),
        };
        let _ = writeln!(out, "{sign}{}", text.trim_end_matches('\n'));
        if !text.ends_with('\n') {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}

fn lines<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let same = |(left, right): &(&&str, &&str)| left == right;
    let begin = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
    let rest = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = rest.take_while(same).count();
    let old_middle = &old_rest[..old_rest.len() - end];
    let new_middle = &new_rest[..new_rest.len() - end];
    let mut lines: Vec<Line<'t>> = old[..begin].iter().map(|text| Line::Same(text)).collect();
    middle(old_middle, new_middle, &mut lines);
    lines.extend(old[old.len() - end..].iter().map(|text| Line::Same(text)));
    lines
}

fn middle<'t>(old: &[&'t str], new: &[&'t str], lines: &mut Vec<Line<'t>>) {
    let width = new.len() + 1;
    if old.len().saturating_mul(width) > TABLE_MAX {
        lines.extend(old.iter().map(|text| Line::Out(text)));
        lines.extend(new.iter().map(|text| Line::In(text)));
        return;
    }
    // The length of the longest common part of what is left of both from here on.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            let both = common[(left + 1) * width + right + 1] + 1;
            let one = common[(left + 1) * width + right].max(common[left * width + right + 1]);
            common[left * width + right] = if old[left] == new[right] { both } else { one };
        }
    }
    let (mut left, mut right) = (0, 0);
    while left < old.len() || right < new.len() {
        let is_same = left < old.len() && right < new.len() && old[left] == new[right];
        if is_same {
            lines.push(Line::Same(old[left]));
            (left, right) = (left + 1, right + 1);
        } else if right == new.len()
            || (left < old.len()
                && common[(left + 1) * width + right] >= common[left * width + right + 1])
        {
            lines.push(Line::Out(old[left]));
            left += 1;
        } else {
            lines.push(Line::In(new[right]));
            right += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n";
        let after = "1\n2\n3\n4\n5\nsix\n7\n8\n9\n10\n11\n12\n13\nend";
        let expected = "--- a.js\n+++ a.js\n@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n@@ -11,3 +11,4 @@\n 11\n 12\n 13\n+end\n\\ No newline at end of file\n";
        assert_eq!(unified("a.js", before, after), expected);
        assert_eq!(unified("a.js", before, before), "");
        assert_eq!(
            unified("b", "", "x\n"),
            "--- b\n+++ b\n@@ -0,0 +1,1 @@\n+x\n"
        );
    }
}
