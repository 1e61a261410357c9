//! Unicode properties: `\p{L}`, `\p{Script=Greek}`, `\p{Emoji}`.
//!
//! Before: `emit`, with names that the parser accepted. After: `class`. Guarantees: tables of one
//! Unicode version, looked up in place. Properties of texts (`RGI_Emoji`) are not there.

use icu_properties::props::{GeneralCategory, GeneralCategoryGroup, Script};
use icu_properties::script::ScriptWithExtensions;
use icu_properties::{
    CodePointMapData, CodePointSetData, CodePointSetDataBorrowed, PropertyParser,
};

/// A set of code points that Unicode defines.
#[derive(Clone, Copy, Debug)]
pub(super) enum Property {
    Binary(CodePointSetDataBorrowed<'static>),
    Category(GeneralCategoryGroup),
    Script(Script),
    Extensions(Script),
    Any,
    Ascii,
    Assigned,
}

impl Property {
    /// The property of a name, with a value where it takes one.
    pub(super) fn find(name: &str, value: Option<&str>) -> Option<Property> {
        let script = |value: &str| PropertyParser::<Script>::new().get_strict(value);
        match (name, value) {
            ("General_Category" | "gc", Some(value)) => category(value),
            ("Script" | "sc", Some(value)) => script(value).map(Property::Script),
            ("Script_Extensions" | "scx", Some(value)) => script(value).map(Property::Extensions),
            (_, Some(_)) => None,
            ("Any", None) => Some(Property::Any),
            ("ASCII", None) => Some(Property::Ascii),
            ("Assigned", None) => Some(Property::Assigned),
            (name, None) => category(name).or_else(|| {
                CodePointSetData::new_for_ecma262(name.as_bytes()).map(Property::Binary)
            }),
        }
    }

    pub(super) fn contains(&self, code_point: u32) -> bool {
        let category = |code_point| CodePointMapData::<GeneralCategory>::new().get32(code_point);
        match self {
            Property::Binary(set) => set.contains32(code_point),
            Property::Category(group) => group.contains(category(code_point)),
            Property::Script(script) => {
                CodePointMapData::<Script>::new().get32(code_point) == *script
            }
            Property::Extensions(script) => {
                ScriptWithExtensions::new().has_script32(code_point, *script)
            }
            Property::Any => true,
            Property::Ascii => code_point < 128,
            Property::Assigned => category(code_point) != GeneralCategory::Unassigned,
        }
    }
}

fn category(value: &str) -> Option<Property> {
    let found = PropertyParser::<GeneralCategoryGroup>::new().get_strict(value);
    found.map(Property::Category)
}
