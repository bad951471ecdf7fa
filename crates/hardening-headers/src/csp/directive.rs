//! The directives of a policy.

/// A directive of Content Security Policy 3 whose value is a list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Directive {
    /// `default-src`: for every fetch directive that is not there.
    DefaultSrc,
    /// `script-src`.
    ScriptSrc,
    /// `script-src-elem`: script elements only.
    ScriptSrcElem,
    /// `script-src-attr`: inline event handlers only.
    ScriptSrcAttr,
    /// `style-src`.
    StyleSrc,
    /// `style-src-elem`: style elements and sheets only.
    StyleSrcElem,
    /// `style-src-attr`: style attributes only.
    StyleSrcAttr,
    /// `img-src`.
    ImgSrc,
    /// `font-src`.
    FontSrc,
    /// `connect-src`: fetch, XHR, WebSocket, EventSource, beacons.
    ConnectSrc,
    /// `media-src`: audio and video.
    MediaSrc,
    /// `object-src`: plug-ins.
    ObjectSrc,
    /// `frame-src`: what may be framed by the page.
    FrameSrc,
    /// `child-src`: frames and workers without a directive of their own.
    ChildSrc,
    /// `worker-src`.
    WorkerSrc,
    /// `manifest-src`.
    ManifestSrc,
    /// `base-uri`: what a `base` element may say.
    BaseUri,
    /// `form-action`: where forms may be sent.
    FormAction,
    /// `frame-ancestors`: who may frame the page.
    FrameAncestors,
}

impl Directive {
    pub(super) const ALL: [Self; 19] = [
        Self::DefaultSrc,
        Self::ScriptSrc,
        Self::ScriptSrcElem,
        Self::ScriptSrcAttr,
        Self::StyleSrc,
        Self::StyleSrcElem,
        Self::StyleSrcAttr,
        Self::ImgSrc,
        Self::FontSrc,
        Self::ConnectSrc,
        Self::MediaSrc,
        Self::ObjectSrc,
        Self::FrameSrc,
        Self::ChildSrc,
        Self::WorkerSrc,
        Self::ManifestSrc,
        Self::BaseUri,
        Self::FormAction,
        Self::FrameAncestors,
    ];

    /// The directive's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DefaultSrc => "default-src",
            Self::ScriptSrc => "script-src",
            Self::ScriptSrcElem => "script-src-elem",
            Self::ScriptSrcAttr => "script-src-attr",
            Self::StyleSrc => "style-src",
            Self::StyleSrcElem => "style-src-elem",
            Self::StyleSrcAttr => "style-src-attr",
            Self::ImgSrc => "img-src",
            Self::FontSrc => "font-src",
            Self::ConnectSrc => "connect-src",
            Self::MediaSrc => "media-src",
            Self::ObjectSrc => "object-src",
            Self::FrameSrc => "frame-src",
            Self::ChildSrc => "child-src",
            Self::WorkerSrc => "worker-src",
            Self::ManifestSrc => "manifest-src",
            Self::BaseUri => "base-uri",
            Self::FormAction => "form-action",
            Self::FrameAncestors => "frame-ancestors",
        }
    }

    /// What stands for it when it is not there, the first that is there (CSP 3 §6.8.3).
    pub(super) const fn fallbacks(self) -> &'static [Self] {
        match self {
            Self::DefaultSrc | Self::BaseUri | Self::FormAction | Self::FrameAncestors => &[],
            Self::ScriptSrcElem | Self::ScriptSrcAttr => &[Self::ScriptSrc, Self::DefaultSrc],
            Self::StyleSrcElem | Self::StyleSrcAttr => &[Self::StyleSrc, Self::DefaultSrc],
            Self::FrameSrc => &[Self::ChildSrc, Self::DefaultSrc],
            Self::WorkerSrc => &[Self::ChildSrc, Self::ScriptSrc, Self::DefaultSrc],
            Self::ScriptSrc
            | Self::StyleSrc
            | Self::ImgSrc
            | Self::FontSrc
            | Self::ConnectSrc
            | Self::MediaSrc
            | Self::ObjectSrc
            | Self::ChildSrc
            | Self::ManifestSrc => &[Self::DefaultSrc],
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|directive| directive.as_str() == name)
    }
}
